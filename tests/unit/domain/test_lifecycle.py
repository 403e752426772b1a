"""The state machine of a provisioned throughput: which steps there are, and where one stands."""

from pathlib import Path

import pytest

from bedrock_autoscaler.domain.fleet.intent import PurchaseState, ReleaseState
from bedrock_autoscaler.domain.fleet.lifecycle import (
    STEPS,
    Life,
    Refusal,
    life_of,
    refusal_of,
    stepped,
)
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, pt_arn
from tests.intents import build_held, build_purchase, build_release

PAGE = (Path(__file__).parents[3] / "docs" / "lifecycle.md").read_text(encoding="utf-8")


def test_a_step_moves_the_state_and_the_version() -> None:
    bought = stepped(build_purchase(version=1), PurchaseState.BOUGHT, arn=pt_arn(1))

    assert (bought.state, bought.version, bought.arn) == (PurchaseState.BOUGHT, 2, pt_arn(1))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (before, after)
        for before in PurchaseState
        for after in PurchaseState
        if after not in STEPS[before]
    ],
)
def test_any_other_step_is_refused(before: PurchaseState, after: PurchaseState) -> None:
    with pytest.raises(ValueError, match=f"cannot go from {before.value} to {after.value}"):
        stepped(build_purchase(state=before), after)


def test_every_state_can_be_reached_and_two_are_final() -> None:
    reached = {PurchaseState.RECORDED}.union(*STEPS.values())

    assert reached == set(PurchaseState)
    assert {state for state, after in STEPS.items() if not after} == {
        PurchaseState.REFUSED,
        PurchaseState.RELEASED,
    }


@pytest.mark.parametrize(
    ("state", "minutes", "life"),
    [
        (PurchaseState.RECORDED, 0, Life.INTENT),
        (PurchaseState.RECORDED, 1, Life.REQUESTED),
        (PurchaseState.BOUGHT, 59, Life.CREATING),
        (PurchaseState.BOUGHT, 60, Life.STUCK),
        (PurchaseState.FAILED, 5, Life.FAILED),
        (PurchaseState.REFUSED, 5, Life.REFUSED),
        (PurchaseState.ABANDONED, 5, Life.ABANDONED),
        (PurchaseState.LOST, 5, Life.LOST),
        (PurchaseState.RELEASED, 5, Life.RELEASED),
    ],
)
def test_stands_where_its_purchase_stands(state: PurchaseState, minutes: int, life: Life) -> None:
    purchase = build_purchase(state=state)

    assert life_of(purchase, (), is_routed=False, now=NOW + minutes * MINUTE) is life


def test_in_service_it_is_routed_or_drains() -> None:
    purchase, release = build_held(), build_release()
    cancelled = build_release(state=ReleaseState.CANCELLED)
    other = build_release(arn=pt_arn(2))

    assert life_of(purchase, (), is_routed=False, now=NOW) is Life.IN_SERVICE
    assert life_of(purchase, (cancelled, other), is_routed=True, now=NOW) is Life.ROUTED
    assert life_of(purchase, (release,), is_routed=True, now=NOW) is Life.DRAINING


def test_what_the_ledger_does_not_hold_is_foreign() -> None:
    assert life_of(None, (build_release(),), is_routed=True, now=NOW) is Life.FOREIGN


@pytest.mark.parametrize(
    ("detail", "kind"),
    [
        ("ServiceQuotaExceededException", Refusal.QUOTA),
        ("ValidationException", Refusal.LEGACY),
        ("AccessDeniedException", Refusal.POLICY),
        ("ConflictException", Refusal.CAPACITY),
        ("not_sent: the switch does not permit action", Refusal.NOT_SENT),
        ("SomethingNewException", Refusal.OTHER),
    ],
)
def test_a_refusal_has_a_kind(detail: str, kind: Refusal) -> None:
    assert refusal_of(detail) is kind


def test_the_page_draws_every_state() -> None:
    assert all(life.value.upper() in PAGE for life in Life)
