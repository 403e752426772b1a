"""What holds a target until a person acts, said again at each capacity tick."""

from collections.abc import Iterator

from bedrock_autoscaler.application.ports.persons import Reporter
from bedrock_autoscaler.application.scaling.spending import NO_ENDPOINTS, EndpointCosts
from bedrock_autoscaler.domain.decision import Situation
from bedrock_autoscaler.domain.fleet.holdings import StackState
from bedrock_autoscaler.domain.fleet.spend_caps import NEAR

type Finding = tuple[str, str]
"""The alarm's name and its text."""


def remind(situation: Situation, reporter: Reporter, costs: EndpointCosts = NO_ENDPOINTS) -> None:
    """Say what waits for a person: a tripped breaker, gaps of the ledger, caps of the stack.

    Args:
        situation: of a decision of the capacity loop.
        reporter: hears of it.
        costs: of the endpoints of all targets, which no situation has.
    """
    for alarm, text in (*_holds(situation), *_stack(situation.fleet.stack, costs)):
        reporter.alarm(alarm, situation.target.name, text)


def _holds(situation: Situation) -> Iterator[Finding]:
    fleet = situation.fleet
    if fleet.tripped_by:
        yield (
            "breaker_tripped",
            f"{fleet.tripped_by}: nothing is bought or released until a person resets it",
        )
    for arn in fleet.strays:
        text = f"{arn} carries this stack's tag, but the ledger knows no purchase of it"
        yield "ledger_incomplete", f"{text}: nothing is bought until it is adopted or removed"


def _stack(stack: StackState | None, costs: EndpointCosts) -> Iterator[Finding]:
    """Caps on all targets together that are four fifths used, or used up."""
    if stack is None:
        return
    rails, spend = stack.rails, stack.spend + costs.spend
    for name, used, cap in (
        ("max_units", stack.held_units, rails.max_units),
        ("max_usd_per_hour", stack.usd_per_hour + costs.usd_per_hour, rails.max_usd_per_hour),
        ("max_usd_per_day", spend.day_usd, rails.max_usd_per_day),
        ("max_usd_per_month", spend.month_usd, rails.max_usd_per_month),
    ):
        if used > 0 and used >= cap:
            yield "stack_at_cap", f"all targets use {used} of the stack's {name} {cap}"
        elif used > 0 and used >= NEAR * cap:
            yield "stack_near_cap", f"all targets use {used} of the stack's {name} {cap}"
