"""What a stack consists of, what each part costs, and which parts a teardown takes away."""

from collections.abc import Container, Iterator
from dataclasses import asdict, dataclass
from decimal import Decimal

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from bedrock_autoscaler.adapters.prices import load_prices
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.observing.surveying import GRACE
from bedrock_autoscaler.application.ports.bedrock import ListedThroughput
from bedrock_autoscaler.cli.output import CommandError
from bedrock_autoscaler.cli.stack import PREFIX_OUTPUT, StackAccess
from bedrock_autoscaler.domain.fleet.intent import HOLDING_STATES
from bedrock_autoscaler.domain.routing.addresses import bare_id
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import count_text, iso, units_text

_HOURS_PER_MONTH = 730
_GIB = 2**30
# List prices of us-east-1 in USD, for an order of magnitude; not checked against a bill.
# Source: the pricing pages of CloudWatch, DynamoDB and KMS.
_USD_PER_ALARM_MONTH = 0.10
_USD_PER_COMPOSITE_ALARM_MONTH = 0.50
_USD_PER_KEY_MONTH = 1.00
_USD_PER_DASHBOARD_MONTH = 3.00
_USD_PER_LOG_GIB_MONTH = 0.03
_USD_PER_TABLE_GIB_MONTH = 0.25 + 0.20
"""Storage, and its point-in-time recovery."""
_PAID_BY_THE_MONTH = (
    ("alarms", "AWS::CloudWatch::Alarm", _USD_PER_ALARM_MONTH),
    ("composite alarms", "AWS::CloudWatch::CompositeAlarm", _USD_PER_COMPOSITE_ALARM_MONTH),
    ("dashboards", "AWS::CloudWatch::Dashboard", _USD_PER_DASHBOARD_MONTH),
    ("keys", "AWS::KMS::Key", _USD_PER_KEY_MONTH),
)
"""Kinds of part, their resources, and USD a month of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Something that the stack made, or that lies beside it.

    Attributes:
        kind: `throughput`, `endpoint`, `stack`, `alarms`, `composite alarms`, `dashboards`,
            `keys`, `logs`, `table` or `parameters`.
        usd_per_month: None where it is unknown.
        is_deleted: whether the teardown takes it away.
        note: what it is, and why it stays.
    """

    kind: str
    name: str
    usd_per_month: float | None
    is_deleted: bool
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All parts, in the order in which they go.

    Attributes:
        unanswered: purchases that may still bring a throughput; they forbid the teardown.
        untagged: throughputs of the ledger whose tags may not be shown yet; they, too.
        elsewhere: throughputs that the ledger holds in another account or Region; they, too.
        sharing: stacks whose parameters would go with this one's; they, too.
    """

    stack: str
    parts: tuple[Part, ...]
    unanswered: tuple[str, ...]
    untagged: tuple[str, ...]
    elsewhere: tuple[str, ...]
    sharing: tuple[str, ...]

    def names(self, kind: str) -> list[str]:
        """The parts of a kind that go."""
        return [part.name for part in self.parts if part.kind == kind and part.is_deleted]


def plan_of(access: StackAccess, *, keep_tables: bool) -> Plan:
    """Everything of the stack that there is.

    Raises:
        CommandError: the list of throughputs, or another one, could not be read to its end.
        ObservationError: likewise.
    """
    inventory = access.inspection().capacity.inventory()
    if not inventory.complete:
        raise CommandError(
            "the list of provisioned throughputs could not be read to its end, so that nothing "
            "can be said of what would be left; try again"
        )
    states = [access.fleets.state_of(target) for target in access.fleets.account().targets]
    held = {
        purchase.arn: purchase.target
        for state in states
        for purchase in state.purchases
        if purchase.state in HOLDING_STATES and purchase.arn
    }
    listed = {pt.arn for pt in inventory.throughputs}
    home = f":{access.place.region}:{access.place.account}:"
    unlisted = (access.releasing.get(arn) for arn in sorted(held.keys() - listed) if home in arn)
    # Of what was deleted just now lists may still tell, and nobody its tags.
    shown = (pt for pt in inventory.throughputs if pt.deployment or access.releasing.get(pt.arn))
    known = (*shown, *(pt for pt in unlisted if pt is not None))
    parts = [_throughput(access, pt, held) for pt in known]
    parts += _endpoints(access)
    youngest = access.clock.now() - GRACE
    untagged = [
        f"{pt.arn} of {held[pt.arn]}"
        for pt in known
        if pt.deployment is None and pt.arn in held and pt.created_at > youngest
    ]
    try:
        parts += [
            *_of_the_stack(access),
            *_tables(access, keep=keep_tables),
            *_parameters(access),
        ]
        sharing = _sharing(access)
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"stack {access.deployment!r} cannot be looked through: {error}") from (
            error
        )
    unanswered = [
        f"{purchase.name} of {purchase.target}, asked for at {iso(purchase.recorded_at)}"
        for state in states
        for purchase in state.open_purchases
    ]
    elsewhere = [
        f"{purchase.arn} of {purchase.target}, {units_text(purchase.model_units)}"
        for state in states
        for purchase in state.purchases
        if purchase.state in HOLDING_STATES and purchase.arn and home not in purchase.arn
    ]
    return Plan(
        stack=access.deployment,
        parts=tuple(parts),
        unanswered=tuple(unanswered),
        untagged=tuple(untagged),
        elsewhere=tuple(elsewhere),
        sharing=sharing,
    )


def to_document(plan: Plan) -> dict[str, object]:
    """As JSON values."""
    return {
        "stack": plan.stack,
        "parts": [asdict(part) for part in plan.parts],
        "unanswered_purchases": list(plan.unanswered),
        "without_tags_yet": list(plan.untagged),
        "held_elsewhere": list(plan.elsewhere),
        "sharing_the_prefix": list(plan.sharing),
        "usd_per_month": sum(part.usd_per_month or 0.0 for part in plan.parts),
        "usd_per_month_left": sum(
            part.usd_per_month or 0.0 for part in plan.parts if not part.is_deleted
        ),
    }


def print_plan(plan: Plan) -> None:
    """A table of the parts, and what is paid for now and afterwards."""
    console = Console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    table.add_column("kind", no_wrap=True)
    table.add_column("USD a month", justify="right", no_wrap=True)
    table.add_column("name and note", overflow="fold")
    for part in plan.parts:
        usd = "unknown" if part.usd_per_month is None else f"{part.usd_per_month:,.2f}"
        verb = "delete" if part.is_deleted else "STAYS"
        table.add_row(verb, part.kind, usd, f"{part.name}: {part.note}")
    console.print(table)
    left = [part for part in plan.parts if not part.is_deleted]
    now = sum(part.usd_per_month or 0.0 for part in plan.parts)
    after = sum(part.usd_per_month or 0.0 for part in left)
    unknown = sum(part.usd_per_month is None for part in left)
    beside = f" and {count_text(unknown, 'part')} of unknown cost" if unknown else ""
    console.print(
        f"about {now:,.2f} USD a month now, {after:,.2f}{beside} afterwards (throughputs and "
        "instances at their known prices for 730 hours; the rest at list prices of us-east-1)",
        soft_wrap=True,
    )
    for purchase in plan.unanswered:
        console.print(f"a purchase without an answer: {purchase}", soft_wrap=True)
    for throughput in plan.untagged:
        console.print(f"bought just now, without tags yet: {throughput}", soft_wrap=True)
    for throughput in plan.elsewhere:
        console.print(f"held in another account or Region: {throughput}", soft_wrap=True)
    for stack in plan.sharing:
        console.print(f"another stack's parameters are below the prefix: {stack}", soft_wrap=True)


def parameter_names(access: StackAccess) -> list[str]:
    """Every parameter below the stack's prefix, as it is now."""
    pages = access.ssm.get_paginator("get_parameters_by_path").paginate(
        Path=access.place.prefix, Recursive=True
    )
    return [parameter["Name"] for page in pages for parameter in page["Parameters"]]


def _throughput(access: StackAccess, pt: ListedThroughput, held: Container[str]) -> Part:
    """One of the account; it goes only where tag and ledger agree that it is ours."""
    usd = _unit_usd(access, pt)
    month = None if usd is None else float(usd * pt.model_units * _HOURS_PER_MONTH)
    model = bare_id(pt.model_arn)
    rate = "of unknown price" if usd is None else f"at {usd} USD an hour each"
    units = f"{pt.model_units} of {model} {rate}"
    if pt.deployment != access.deployment:
        whose = f"of deployment {pt.deployment}" if pt.deployment else "without an owner's tag"
        known = "the ledger holds it: tag it again, or delete it by hand"
        note = f"{units}, {whose}: {known if pt.arn in held else "not this stack's"}"
        return _part("throughput", pt.arn, month, note=note)
    if pt.commitment is not Commitment.NONE:
        until = iso(pt.committed_until) if pt.committed_until else "an unknown moment"
        note = (
            f"{units}, committed ({pt.commitment.value}) until {until}: it cannot be deleted "
            "before, and is billed"
        )
        return _part("throughput", pt.arn, month, note=note)
    if pt.arn not in held:
        note = f"{units}: this stack's tag, but no purchase of the ledger; `adopt` it if it is ours"
        return _part("throughput", pt.arn, month, note=note)
    return _part("throughput", pt.arn, month, note=f"{units}, {pt.status.value}", is_deleted=True)


def _unit_usd(access: StackAccess, pt: ListedThroughput) -> Decimal | None:
    """Price of a unit-hour, of the target that buys the model, else of the shipped list."""
    for target in access.settings().targets:
        bought = target.provisioned
        if bought is not None and bought.price is not None and pt.target == target.name:
            return bought.price.under(pt.commitment) or bought.price.usd_per_hour
    listed = load_prices().unit_price(bare_id(pt.model_arn), access.place.region)
    return None if listed is None else listed.under(pt.commitment) or listed.usd_per_hour


def _endpoints(access: StackAccess) -> Iterator[Part]:
    """The endpoints whose instances the stack changes; they are a person's, and go on running."""
    rails = {
        option.address: option.instances
        for target in access.settings().targets
        for option in target.options
        if option.instances is not None
    }
    endpoints = access.inspection().endpoints
    for address, bounds in rails.items():
        usd = bounds.usd_per_instance_hour
        stays = "not deleted, and nobody changes its instances any more"
        try:
            instances = endpoints.state(address).instances
        except ObservationError as error:
            note = f"instances at {usd} USD an hour each, {stays}; how many is unknown: {error}"
            yield _part("endpoint", address, None, note=note)
            continue
        month = float(usd * instances * _HOURS_PER_MONTH)
        note = f"{count_text(instances, 'instance')} at {usd} USD an hour each, {stays}"
        yield _part("endpoint", address, month, note=note)


def _of_the_stack(access: StackAccess) -> Iterator[Part]:
    """The stack, and those of its resources that are paid for as long as they exist."""
    name = access.deployment
    pages = (
        access.client("cloudformation")
        .get_paginator("list_stack_resources")
        .paginate(StackName=name)
    )
    kinds = [
        resource["ResourceType"] for page in pages for resource in page["StackResourceSummaries"]
    ]
    note = (
        f"{count_text(len(kinds), 'resource')}; functions, schedules, topic and queue cost by use"
    )
    yield _part("stack", name, 0.0, note=note, is_deleted=True)
    for kind, resource, usd in _PAID_BY_THE_MONTH:
        if number := kinds.count(resource):
            gone = "goes" if number == 1 else "go"
            note = f"{number}, {gone} with the stack"
            yield _part(kind, name, number * usd, note=note, is_deleted=True)
    prefix = f"/aws/lambda/{name}-"
    groups = (
        access.client("logs")
        .get_paginator("describe_log_groups")
        .paginate(logGroupNamePrefix=prefix)
    )
    stored = [group.get("storedBytes", 0) for page in groups for group in page["logGroups"]]
    if stored:
        usd = sum(stored) / _GIB * _USD_PER_LOG_GIB_MONTH
        note = f"{len(stored)} log groups, {sum(stored):,} bytes, go with the stack"
        yield _part("logs", f"{prefix}*", usd, note=note, is_deleted=True)


def _tables(access: StackAccess, *, keep: bool) -> Iterator[Part]:
    """The tables, which outlive the stack."""
    place, dynamodb = access.place, access.client("dynamodb")
    for name in (place.ledger, place.routes, place.consents):
        try:
            table = dynamodb.describe_table(TableName=name)["Table"]
        except dynamodb.exceptions.ResourceNotFoundException:
            continue
        size = int(table.get("TableSizeBytes", 0))
        usd = size / _GIB * _USD_PER_TABLE_GIB_MONTH
        note = f"{size:,} bytes{', kept as asked' if keep else ''}"
        yield _part("table", name, usd, note=note, is_deleted=not keep)


def _parameters(access: StackAccess) -> Iterator[Part]:
    """Settings, switch and routing tables."""
    names = parameter_names(access)
    if names:
        prefix = access.place.prefix
        note = f"{count_text(len(names), 'parameter')}; standard ones cost nothing"
        yield _part("parameters", f"{prefix}/*", 0.0, note=note, is_deleted=True)


def _sharing(access: StackAccess) -> tuple[str, ...]:
    """The other stacks of the account and Region whose prefix is this one's, or lies below it."""
    own = f"{access.place.prefix}/"
    pages = access.client("cloudformation").get_paginator("describe_stacks").paginate()
    found = {
        stack["StackName"]
        for page in pages
        for stack in page["Stacks"]
        for output in stack.get("Outputs", ())
        if output["OutputKey"] == PREFIX_OUTPUT and f"{output['OutputValue']}/".startswith(own)
    }
    return tuple(sorted(found - {access.deployment}))


def _part(kind: str, name: str, usd: float | None, *, note: str, is_deleted: bool = False) -> Part:
    return Part(kind=kind, name=name, usd_per_month=usd, note=note, is_deleted=is_deleted)
