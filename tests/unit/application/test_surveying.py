"""Whose a provisioned throughput is, and what the fleet is made of."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bedrock_autoscaler.application.observing.surveying import (
    GRACE,
    Survey,
    set_apart,
    untagged,
)
from bedrock_autoscaler.application.ports.bedrock import Inventory, ListedThroughput
from bedrock_autoscaler.application.ports.ledger import LedgerState
from bedrock_autoscaler.application.purchasing.identifying import is_same_model
from bedrock_autoscaler.domain.fleet.holdings import Fleet, Ownership, Status
from bedrock_autoscaler.domain.fleet.intent import (
    FleetRecord,
    PurchaseIntent,
    PurchaseState,
    ReleaseIntent,
    ReleaseState,
)
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import NOW, build_target, pt_arn
from tests.intents import build_held, build_listed, build_purchase, build_release


def survey(
    *listed: ListedThroughput,
    purchases: tuple[PurchaseIntent, ...] = (),
    releases: tuple[ReleaseIntent, ...] = (),
    complete: bool = True,
    target: Target | None = None,
    readable: bool = True,
    elsewhere: tuple[PurchaseIntent, ...] = (),
) -> Fleet:
    state = LedgerState(
        record=FleetRecord(
            target="chat", reserved_units=1, reserved_usd_per_hour=Decimal("60.5"), version=7
        ),
        purchases=purchases,
        releases=releases,
    )
    inventory = Inventory(throughputs=listed, complete=complete) if readable else None
    found = Survey(
        inventory=inventory,
        deployment="test",
        neighbours=frozenset({"chat", "search"}),
        now=NOW,
    )
    fleet = found.fleet(target or build_target(), state)
    return set_apart(fleet, untagged(inventory, (*purchases, *elsewhere), NOW))


def test_a_pt_is_owned_when_tag_and_ledger_agree() -> None:
    fleet = survey(build_listed(), purchases=(build_held(),))

    (pt,) = fleet.throughputs
    assert pt.ownership is Ownership.OWNED
    assert pt.in_service_since == build_held().in_service_since
    assert pt.decision_id == build_held().decision_id
    assert fleet.complete
    assert fleet.version == 7


@pytest.mark.parametrize(
    ("listed", "purchases"),
    [
        (build_listed(), ()),
        (build_listed(deployment="other"), (build_held(),)),
        (build_listed(deployment=None), (build_held(),)),
    ],
    ids=["tag alone", "ledger alone with a foreign tag", "ledger alone without a tag"],
)
def test_either_alone_means_unmanaged(
    listed: ListedThroughput, purchases: tuple[PurchaseIntent, ...]
) -> None:
    (pt,) = survey(listed, purchases=purchases).throughputs

    assert pt.ownership is Ownership.UNMANAGED
    assert pt.decision_id is None


def test_a_fresh_purchase_whose_tags_lag_is_believed() -> None:
    fresh = build_listed(deployment=None, target=None, created_at=NOW - 5 * MINUTE)

    (pt,) = survey(fresh, purchases=(build_held(),)).throughputs

    assert pt.ownership is Ownership.OWNED


def test_what_never_served_took_nothing_of_what_may_leave_within_the_hour() -> None:
    failed = build_held(2, decision_id="d-2", state=PurchaseState.FAILED, in_service_since=None)
    releases = (
        build_release(decision_id="r-1", arn=pt_arn(1), model_units=2, recorded_at=NOW),
        build_release(decision_id="r-2", arn=pt_arn(2), model_units=4, recorded_at=NOW),
    )

    fleet = survey(purchases=(build_held(), failed), releases=releases)

    assert fleet.released_last_hour == 2


def test_a_pt_of_another_model_does_not_concern_the_target() -> None:
    other = build_listed(
        deployment=None, model_arn="arn:aws:bedrock:us-east-1::foundation-model/x.y-v1:0:8k"
    )

    assert survey(other).throughputs == ()
    assert survey(build_listed(deployment=None), target=build_target(provisioned=None)) == survey()


def test_a_pt_of_another_target_of_ours_is_left_to_that_target() -> None:
    assert survey(build_listed(target="search")).throughputs == ()


def test_a_neighbours_new_pt_whose_tags_lag_is_left_to_it_where_its_purchase_is_known() -> None:
    fresh = build_listed(2, deployment=None, target=None, created_at=NOW - 24 * MINUTE)
    old, theirs = replace(fresh, created_at=NOW - GRACE), replace(fresh, deployment="other")
    bought = (build_held(2, target="search"),)

    assert survey(fresh, elsewhere=bought).throughputs == ()
    for listed, known in ((fresh, ()), (old, bought), (theirs, bought)):
        (pt,) = survey(listed, elsewhere=known).throughputs
        assert pt.ownership is Ownership.UNMANAGED


def test_the_late_shadow_of_what_a_neighbour_deleted_is_not_seen_where_that_is_known() -> None:
    """Nobody can read its tags any more."""
    listed = build_listed(2, deployment=None, target=None)
    ended = NOW - GRACE + MINUTE
    gone = build_held(2, target="search", state=PurchaseState.RELEASED, ended_at=ended)

    assert survey(listed, elsewhere=(gone,)).throughputs == ()
    for known in ((), (replace(gone, ended_at=NOW - GRACE),)):
        (pt,) = survey(listed, elsewhere=known).throughputs
        assert pt.ownership is Ownership.UNMANAGED


def test_a_pt_of_a_target_that_is_no_longer_in_force_counts_where_its_model_is_bought() -> None:
    (pt,) = survey(build_listed(target="gone")).throughputs

    assert pt.ownership is Ownership.UNMANAGED


def test_the_base_model_of_a_variant_is_the_same_model() -> None:
    base = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"

    assert is_same_model(base, "amazon.nova-lite-v1:0:24k")
    assert is_same_model(f"{base}:24k", "amazon.nova-lite-v1:0:24k")
    assert not is_same_model(f"{base}:300k", "amazon.nova-lite-v1:0:24k")


def test_a_pt_that_an_open_purchase_stands_for_is_counted_once() -> None:
    open_purchase = build_purchase(model_units=2)
    listed = build_listed(model_units=2, decision_id=open_purchase.decision_id)

    fleet = survey(listed, purchases=(open_purchase,))

    assert fleet.throughputs == ()
    assert fleet.held_units == fleet.open_purchase_units == 2


def test_a_late_pt_of_an_abandoned_purchase_counts_at_once() -> None:
    abandoned = build_purchase(
        state=PurchaseState.ABANDONED, recorded_at=NOW - HOUR, ended_at=NOW - 30 * MINUTE
    )

    fleet = survey(build_listed(decision_id=abandoned.decision_id), purchases=(abandoned,))

    assert fleet.held_units == 1
    assert fleet.throughputs[0].ownership is Ownership.UNMANAGED


def test_the_late_shadow_of_a_deleted_pt_is_not_seen() -> None:
    gone = build_held(state=PurchaseState.RELEASED, ended_at=NOW - 10 * MINUTE)

    assert survey(build_listed(), purchases=(gone,)).throughputs == ()


def test_a_lost_pt_that_is_listed_was_not_gone_and_counts() -> None:
    lost = build_held(state=PurchaseState.LOST, ended_at=NOW - 10 * MINUTE)

    (pt,) = survey(build_listed(deployment="someone else"), purchases=(lost,)).throughputs

    assert pt.ownership is Ownership.UNMANAGED


def test_a_pt_that_outlives_its_deletion_by_more_than_the_grace_is_unmanaged() -> None:
    gone = build_held(state=PurchaseState.RELEASED, ended_at=NOW - GRACE)

    (pt,) = survey(build_listed(), purchases=(gone,)).throughputs

    assert pt.ownership is Ownership.UNMANAGED


def test_what_was_bought_is_remembered_while_lists_lag() -> None:
    bought = build_held(state=PurchaseState.BOUGHT, recorded_at=NOW - 5 * MINUTE, billed_from=None)

    (pt,) = survey(purchases=(bought,)).throughputs

    assert pt.status is Status.CREATING
    assert pt.created_at == NOW - 5 * MINUTE
    assert pt.ownership is Ownership.OWNED


@pytest.mark.parametrize("state", [PurchaseState.IN_SERVICE, PurchaseState.FAILED])
def test_what_came_of_it_before_lists_showed_it_is_remembered_too(state: PurchaseState) -> None:
    """Get knows a new PT at once; lists may lag behind it for all of the grace."""
    young = build_held(
        state=state, recorded_at=NOW - 20 * MINUTE, in_service_since=NOW - 10 * MINUTE
    )

    (pt,) = survey(purchases=(young,)).throughputs
    assert pt.ownership is Ownership.OWNED

    assert survey(purchases=(replace(young, recorded_at=NOW - GRACE),)).throughputs == ()


def test_a_pt_in_service_that_a_complete_list_lacks_is_gone() -> None:
    assert survey(purchases=(build_held(),)).throughputs == ()


@pytest.mark.parametrize("readable", [True, False])
def test_an_unread_inventory_never_hides_what_is_held(*, readable: bool) -> None:
    failed = build_held(2, state=PurchaseState.FAILED)

    fleet = survey(purchases=(build_held(1), failed), complete=False, readable=readable)

    assert not fleet.complete
    assert [pt.status for pt in fleet.throughputs] == [Status.IN_SERVICE, Status.FAILED]


def test_a_pt_under_release_is_draining() -> None:
    fleet = survey(build_listed(), purchases=(build_held(),), releases=(build_release(),))
    ended = replace(build_release(), state=ReleaseState.CANCELLED)

    assert fleet.throughputs[0].draining
    assert fleet.in_service_units == 0
    kept = survey(build_listed(), purchases=(build_held(),), releases=(ended,))
    assert not kept.throughputs[0].draining


def test_tells_recent_changes_and_spend() -> None:
    old = build_held(1, recorded_at=NOW - 26 * HOUR, billed_from=NOW - 26 * HOUR)
    new = build_held(2, in_service_since=NOW - 20 * MINUTE)
    release = build_release(recorded_at=NOW - 3 * HOUR, state=ReleaseState.DELETED)

    fleet = survey(build_listed(2), purchases=(old, new), releases=(release,))

    assert fleet.last_grow_at == NOW - 20 * MINUTE
    assert fleet.last_release_at == NOW - 3 * HOUR
    assert fleet.purchases_last_day == 1
    assert fleet.releases_last_day == 1
    # Today: 13 periods of the old one (00:00 to 12:00) and the 2 of the new one (10:20, 11:20).
    assert fleet.spend.day_usd == 15 * Decimal("60.5")


def test_a_new_target_has_an_empty_fleet() -> None:
    fleet = survey()

    assert fleet.throughputs == ()
    assert fleet.last_grow_at is None
    assert fleet.last_release_at is None
    assert fleet.spend.month_usd == 0


def test_the_fleet_is_sorted_by_creation_then_arn() -> None:
    one, two = build_listed(2), build_listed(1)
    older = build_listed(3, created_at=NOW - timedelta(days=1))
    purchases = tuple(build_held(number) for number in (1, 2, 3))

    fleet = survey(one, two, older, purchases=purchases)

    assert [pt.arn for pt in fleet.throughputs] == [older.arn, two.arn, one.arn]
