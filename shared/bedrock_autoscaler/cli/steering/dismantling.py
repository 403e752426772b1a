"""The deletion of a stack and of what belongs to it, in a safe order."""

from collections.abc import Callable, Iterator, Sequence
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

type _Step = Callable[[StackAccess, Plan], Iterator[str]]


def dismantle(access: StackAccess, plan: Plan) -> Iterator[str]:
    """Delete what the plan says; each step, once it is done, in words.

    Raises:
        CommandError: a step failed; those after it were not begun.
    """
    _refuse(plan)
    steps = (
        _stop,
        _look_again,
        _delete_throughputs,
        _delete_stack,
        _delete_tables,
        _delete_parameters,
    )
    done: list[str] = []
    for step in steps:
        try:
            for told in step(access, plan):
                done.append(told)
                yield told
        except (AutoscalerError, BotoCoreError, ClientError, WaiterError) as error:
            raise CommandError(
                f"{step.__name__.strip('_').replace('_', ' ')} failed: {error}; what comes after "
                f"it was not begun. {_way_on(access, plan, step, done)}"
            ) from error
    left = [part for part in plan.parts if not part.is_deleted]
    for part in left:
        yield f"left: {part.kind} {part.name}: {part.note}"


def _refuse(plan: Plan) -> None:
    """Where something would be left behind, or taken from another stack."""
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
    if plan.sharing:
        raise CommandError(
            f"stack {plan.sharing[0]} keeps its settings and its switch below the same prefix, and "
            "would lose them; deploy one of the two with a SettingsPrefix of its own, and try "
            "again; nothing was deleted"
        )


def _way_on(access: StackAccess, plan: Plan, failed: _Step, done: Sequence[str]) -> str:
    """What a person does after a failure; without the stack this command finds nothing."""
    if failed not in {_delete_stack, _delete_tables, _delete_parameters}:
        return "Run the teardown again when that is mended"
    tables = [name for name in plan.names("table") if _deleted(name) not in done]
    by_hand = [
        f"aws dynamodb update-table --table-name {name} --no-deletion-protection-enabled && "
        f"aws dynamodb delete-table --table-name {name}"
        for name in tables
    ]
    if plan.names("parameters"):
        by_hand.append(
            f"aws ssm get-parameters-by-path --path {access.place.prefix} --recursive "
            "--query 'Parameters[].[Name]' --output text | xargs -n 10 aws ssm delete-parameters "
            "--names"
        )
    left = ", ".join([*(f"table {name}" for name in tables), *plan.names("parameters")])
    rest = f"left are {left}; by hand: {'; '.join(by_hand)}" if left else "nothing else is left"
    if failed is _delete_stack:
        return f"Run the teardown again when that is mended, or, once the stack is gone: {rest}"
    return f"The stack is gone, so that the teardown cannot be run again; {rest}"


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
        yield _deleted(name)


def _deleted(table: str) -> str:
    return f"table {table} deleted"


def _delete_parameters(access: StackAccess, plan: Plan) -> Iterator[str]:
    if not plan.names("parameters"):
        return
    names = parameter_names(access)
    for first in range(0, len(names), _PARAMETERS_PER_CALL):
        access.ssm.delete_parameters(Names=names[first : first + _PARAMETERS_PER_CALL])
    yield f"{count_text(len(names), 'parameter')} below {access.place.prefix} deleted"
