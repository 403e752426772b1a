"""The deletion of a stack and of what belongs to it, in a safe order."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from bedrock_autoscaler.application.errors import AutoscalerError, ThroughputNotFoundError
from bedrock_autoscaler.cli.output import CommandError
from bedrock_autoscaler.cli.stack import StackAccess
from bedrock_autoscaler.cli.steering.parts import Plan, parameter_names, plan_of
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import count_text

_PARAMETERS_PER_CALL = 10
_WAIT = {"Delay": 5, "MaxAttempts": 120}


def dismantle(access: StackAccess, plan: Plan) -> Iterator[str]:
    """Delete what the plan says; each step, once it is done, in words.

    Raises:
        CommandError: a step failed; those after it were not begun.
    """
    if plan.unanswered:
        raise CommandError(
            f"{plan.unanswered[0]} has no answer yet and may still bring a throughput; wait for "
            "the purchase function to find out, then try again; nothing was deleted"
        )
    if plan.untagged:
        raise CommandError(
            f"{plan.untagged[0]} shows no owner's tag yet, which may lag behind a purchase; try "
            "again in some minutes; nothing was deleted"
        )
    if plan.elsewhere:
        raise CommandError(
            f"{plan.elsewhere[0]} are held in another account or Region, which this command does "
            "not reach; let the stack release them (`override units TARGET 0 --until 12h`), or "
            "delete them there, and try again; nothing was deleted"
        )
    steps = (
        _stop,
        _look_again,
        _delete_throughputs,
        _delete_stack,
        _delete_tables,
        _delete_parameters,
    )
    for step in steps:
        try:
            yield from step(access, plan)
        except (AutoscalerError, BotoCoreError, ClientError, WaiterError) as error:
            raise CommandError(
                f"{step.__name__.strip('_').replace('_', ' ')} failed: {error}; what comes after "
                "it was not begun. Run the teardown again when that is mended"
            ) from error
    left = [part for part in plan.parts if not part.is_deleted]
    for part in left:
        yield f"left: {part.kind} {part.name}: {part.note}"


def _stop(access: StackAccess, _: Plan) -> Iterator[str]:
    """Nothing may be bought or routed while parts go."""
    access.ssm.put_parameter(Name=access.switch_name, Value="stop", Type="String", Overwrite=True)
    yield f"{access.switch_name} is `stop`: the functions change nothing any more"


def _look_again(access: StackAccess, plan: Plan) -> Iterator[str]:
    """Whatever was bought until the switch closed would be left without a watcher.

    What turned up meanwhile and stays is told like the rest.
    """
    now = plan_of(access, keep_tables=True)
    new = set(now.names("throughput")) - set(plan.names("throughput"))
    for purchase in (*now.unanswered, *now.untagged, *now.elsewhere, *sorted(new)):
        raise CommandError(
            f"{purchase} was bought since this was looked through; nothing was deleted, and the "
            "switch is at `stop`. Run the teardown again"
        )
    known = {part.name for part in plan.parts}
    for part in now.parts:
        if part.kind == "throughput" and part.name not in known:
            yield f"left: throughput {part.name}: {part.note}"


def _delete_throughputs(access: StackAccess, plan: Plan) -> Iterator[str]:
    """Each is read afresh: its tag and its term must still be what the plan says."""
    for arn in plan.names("throughput"):
        found = access.releasing.get(arn)
        if found is None:
            yield f"throughput {arn} was gone already"
            continue
        if found.deployment != plan.stack or found.commitment is not Commitment.NONE:
            raise CommandError(
                f"{arn} is not as it was listed (deployment {found.deployment}, commitment "
                f"{found.commitment.value}); look again"
            )
        try:
            access.releasing.delete(arn)
        except ThroughputNotFoundError:
            yield f"throughput {arn} was gone already"
            continue
        yield f"throughput {arn} deleted"


def _delete_stack(access: StackAccess, plan: Plan) -> Iterator[str]:
    client = access.client("cloudformation")
    client.delete_stack(StackName=plan.stack)
    client.get_waiter("stack_delete_complete").wait(StackName=plan.stack, WaiterConfig=_WAIT)
    yield f"stack {plan.stack} deleted"


def _delete_tables(access: StackAccess, plan: Plan) -> Iterator[str]:
    dynamodb: Any = access.client("dynamodb")
    for name in plan.names("table"):
        dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
        dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig=_WAIT)
        dynamodb.delete_table(TableName=name)
        yield f"table {name} deleted"


def _delete_parameters(access: StackAccess, plan: Plan) -> Iterator[str]:
    if not plan.names("parameters"):
        return
    names = parameter_names(access)
    for first in range(0, len(names), _PARAMETERS_PER_CALL):
        access.ssm.delete_parameters(Names=names[first : first + _PARAMETERS_PER_CALL])
    yield f"{count_text(len(names), 'parameter')} below {access.place.prefix} deleted"
