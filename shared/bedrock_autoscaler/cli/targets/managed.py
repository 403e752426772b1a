"""The targets of a stack, each on a line."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from bedrock_autoscaler.application.settings.in_force import DEFAULTS, STACK
from bedrock_autoscaler.cli.stack import StackAccess
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import iso
from bedrock_autoscaler.report.wording import class_name, summary


@dataclass(frozen=True, slots=True, kw_only=True)
class Managed:
    """One target.

    Attributes:
        mode: empty while it is not in force.
        units: in service, as the newest capacity decision saw them; None before the first.
        decided_at: scheduled time of that decision; empty before the first.
        problem: what is wrong with its document; empty when nothing is.
    """

    name: str
    mode: str
    addresses: tuple[str, ...]
    may_buy: str
    units: int | None
    traffic_class: str
    decision: str
    decided_at: str
    problem: str


def managed(access: StackAccess) -> list[Managed]:
    """The targets in force, and those whose document keeps them from it.

    Raises:
        ObservationError: Parameter Store or the ledger could not be read.
    """
    settings = access.settings()
    decisions = access.inspection().decisions
    problems = {
        one.document: f"{one.field}: {one.message}".removeprefix(": ") for one in settings.problems
    }
    in_force = {target.name: target for target in settings.targets}
    found = []
    for name in sorted({*in_force, *problems} - {DEFAULTS, STACK}):
        target = in_force.get(name)
        latest = decisions.latest(name, Loop.CAPACITY) if target else None
        decision = latest.decision if latest else None
        found.append(
            Managed(
                name=name,
                mode=target.mode.value if target else "",
                addresses=tuple(option.address for option in target.options) if target else (),
                may_buy=target.provisioned.model_id if target and target.provisioned else "",
                units=decision.actual_units if decision else None,
                traffic_class=class_name(decision) if decision else "",
                decision=summary(decision) if decision else "",
                decided_at=iso(decision.scheduled_at) if decision else "",
                problem=problems.get(name, ""),
            )
        )
    return found


def to_documents(found: Sequence[Managed]) -> list[dict[str, object]]:
    """As JSON values."""
    return [asdict(one) for one in found]


def print_managed(found: Sequence[Managed]) -> None:
    """A table, with what is wrong below."""
    console = Console()
    if not found:
        console.print("no target; `bedrock-autoscaler targets discover` finds what to manage")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("target", "mode", "units", "class", "newest decision", "at"):
        table.add_column(heading, no_wrap=heading != "newest decision")
    for one in found:
        table.add_row(
            one.name,
            one.mode or "not in force",
            "" if one.units is None else str(one.units),
            one.traffic_class,
            one.decision or "none yet",
            one.decided_at,
        )
    console.print(table)
    for one in found:
        if one.problem:
            console.print(f"{one.name}: INVALID: {one.problem}", soft_wrap=True)
