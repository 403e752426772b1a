"""The actors over several places: each acts where its target is; a lost place stops no other."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from bedrock_autoscaler.application.errors import PlaceUnreachableError
from bedrock_autoscaler.application.fleets.nowhere import Nowhere
from bedrock_autoscaler.application.fleets.places import Place, owner_elsewhere
from bedrock_autoscaler.application.fleets.working import FleetApplication
from bedrock_autoscaler.domain.decision import Release
from bedrock_autoscaler.domain.fleet.holdings import Ownership
from bedrock_autoscaler.domain.fleet.intent import PurchaseState
from bedrock_autoscaler.domain.target import AccountRails, StackRails
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import ACCOUNT, NOW, PT_MODEL, REGION, build_target
from tests.fakes.memory_places import OWNER
from tests.intents import TWO_UNITS
from tests.staging import QUARTERLY, Script, Stage
from tests.unit.application.scenes import reasons
from tests.unit.application.test_working import Shared

AWAY = Place(account="000011112222", region=REGION)
LOST = Place(account="999988887777", region=REGION)
ACCOUNTS = {"home": ACCOUNT, "away": AWAY.account, "lost": LOST.account}

WIDE = StackRails(
    max_units=100,
    max_usd_per_hour=Decimal(10_000),
    max_usd_per_day=Decimal(100_000),
    max_usd_per_month=Decimal(1_000_000),
)


class Fleet(Stage):
    """Targets at home, in a spoke, and in a spoke that is lost; each is to buy two units now."""

    def __init__(self) -> None:
        self.script = Script()
        self.script.actions[NOW] = (TWO_UNITS,)
        targets = (
            build_target(name=name, account=account, model_ids=(name,), thresholds=QUARTERLY)
            for name, account in ACCOUNTS.items()
        )
        super().__init__(*targets, core=self.script)
        self._shared = Shared()
        for place in (AWAY, LOST):
            self.places.spoke(place).capacity.quota[PT_MODEL] = 10
        self._fleet = FleetApplication(self.application, self, self._shared)

    def visit(self) -> None:
        """A minute of dispatcher and worker."""
        self._fleet.dispatch(self.now)
        self._fleet.visit(self._shared.assignments.receive())

    def bought(self) -> dict[str, int]:
        """Units of each place."""
        capacities = {"home": self.capacity} | {
            name: self.places.spoke(place).capacity
            for name, place in (("away", AWAY), ("lost", LOST))
        }
        return {
            name: sum(pt.model_units for pt in capacity.inventory().throughputs)
            for name, capacity in capacities.items()
        }


def test_each_target_buys_where_it_is_with_the_owner_s_tag_of_that_place() -> None:
    scene = Fleet()
    scene.visit()

    scene.purchase()

    assert scene.bought() == {"home": 2, "away": 2, "lost": 2}
    (there,) = scene.places.spoke(AWAY).capacity.inventory().throughputs
    assert there.deployment == OWNER
    # The next look knows it as its own.
    scene.clock.advance(MINUTE)
    scene.visit()
    seen = {s.target.name: s.fleet for s in scene.script.situations}
    assert [pt.ownership for pt in seen["away"].throughputs] == [Ownership.OWNED]


def test_a_token_of_a_spoke_is_none_of_the_home() -> None:
    scene = Fleet()
    scene.visit()
    scene.purchase()

    tokens = {name: scene.fleets.purchases(name)[0].token for name in ACCOUNTS}

    assert len(set(tokens.values())) == 3


def test_a_lost_place_buys_nothing_is_told_once_and_stops_no_other() -> None:
    scene = Fleet()
    scene.visit()
    scene.places.lost = {LOST}

    summary = scene.purchase()
    released, published = scene.release(), scene.publish()

    assert dict(summary.outcomes) == {
        "home": "bought 2",
        "away": "bought 2",
        "lost": "place unreachable",
    }
    assert scene.bought()["lost"] == 0
    assert (
        dict(released.outcomes)["lost"] == dict(published.outcomes)["lost"] == ("place unreachable")
    )
    told = [alarm for alarm in scene.reporter.alarms if alarm.alarm == "place_unreachable"]
    assert [alarm.target for alarm in told] == [LOST.name] * 3
    assert told[0].message == f"the role in {LOST.name} is broken"


def test_a_lost_place_that_is_back_carries_out_a_decision_that_still_holds() -> None:
    scene = Fleet()
    scene.visit()
    scene.places.lost = {LOST}
    scene.purchase()
    scene.clock.advance(MINUTE)
    scene.places.lost = set()

    scene.purchase()
    scene.purchase()

    assert scene.bought() == {"home": 2, "away": 2, "lost": 2}


def test_a_unit_is_deleted_where_it_is() -> None:
    scene = Fleet()
    scene.visit()
    scene.purchase()
    there = scene.places.spoke(AWAY)
    (pt,) = there.capacity.inventory().throughputs
    release = (Release(arn=pt.arn, model_units=2),)
    scene.script.actions |= {NOW + minute * MINUTE: release for minute in range(30, 45)}
    for minute in range(60):
        there.metrics.put(pt.arn, scene.now, invocations=0.0 if minute > 25 else 60.0)
        scene.visit()
        scene.purchase()
        scene.release()
        scene.publish()
        scene.clock.advance(MINUTE)

    assert scene.bought() == {"home": 2, "away": 0, "lost": 2}
    assert scene.fleets.purchases("away")[0].state is PurchaseState.RELEASED


def test_the_table_is_in_force_at_home_and_its_copy_where_the_callers_are() -> None:
    scene = Fleet()
    scene.visit()

    scene.publish()

    copies = scene.places.spoke(AWAY).copies
    assert copies.projected.keys() == {"away"}
    assert scene.tables.projected.keys() == {"home"}
    assert {table.target for table in scene.tables.published} == set(ACCOUNTS)


def test_what_others_hold_leaves_less_room_in_their_own_account_alone() -> None:
    scene = Fleet()
    scene.stack = replace(WIDE, max_units=6)
    scene.places.spoke(AWAY).capacity.add(name="theirs", model_id="other", model_units=3)
    scene.visit()

    outcomes = dict(scene.purchase().outcomes)

    # 2 + 3 + 2 are more than 6 in one account; in the other ones nobody else holds any.
    assert outcomes == {"home": "bought 2", "away": "purchase held", "lost": "bought 2"}


@pytest.mark.parametrize(
    ("units", "dollars", "outcome"),
    [
        (4, 1_000, "bought 2"),
        (3, 1_000, "purchase held"),
        (4, 200, "purchase held"),
    ],
)
def test_an_account_has_caps_of_its_own(units: int, dollars: int, outcome: str) -> None:
    scene = Fleet()
    rails = AccountRails(account=AWAY.account, max_units=units, max_usd_per_hour=Decimal(dollars))
    scene.stack = replace(WIDE, accounts=(rails,))
    scene.places.spoke(AWAY).capacity.add(name="theirs", model_id="other", model_units=2)
    scene.visit()

    outcomes = dict(scene.purchase().outcomes)

    assert outcomes == {"home": "bought 2", "away": outcome, "lost": "bought 2"}
    held = reasons(scene, "purchase_held")
    assert all(f"in account {AWAY.account} would" in reason for reason in held)
    assert bool(held) is (outcome == "purchase held")


def test_what_an_account_holds_already_counts_against_its_cap() -> None:
    scene = Fleet()
    rails = AccountRails(account=AWAY.account, max_units=3, max_usd_per_hour=Decimal(1_000))
    scene.stack = replace(WIDE, accounts=(rails,))
    scene.visit()
    scene.purchase()
    scene.clock.advance(15 * MINUTE)
    scene.script.actions |= {scene.now + minute * MINUTE: (TWO_UNITS,) for minute in range(16)}
    for _ in range(16):
        scene.clock.advance(MINUTE)
        scene.visit()
        scene.purchase()

    # More fits under each target's own caps, but not in that account.
    assert scene.bought() == {"home": 6, "away": 2, "lost": 6}


def test_a_stranger_with_the_stack_s_name_is_a_stranger() -> None:
    home = Place(account=ACCOUNT, region=REGION)
    other = Place(account=AWAY.account, region=REGION)

    owners = {owner_elsewhere("prod", home), owner_elsewhere("prod", other), "prod"}

    assert len(owners) == 3
    assert owner_elsewhere("prod", home) == f"prod@{ACCOUNT}/{REGION}"


@pytest.mark.parametrize(
    "read",
    [
        lambda nowhere: nowhere.read(("a",), NOW - HOUR, NOW),
        lambda nowhere: nowhere.model_ids(),
        lambda nowhere: nowhere.copies("a", NOW - HOUR, NOW),
        lambda nowhere: nowhere.beat(NOW),
        lambda nowhere: nowhere.inventory(),
    ],
)
def test_nothing_can_be_read_nowhere(read: Callable[[Nowhere], object]) -> None:
    with pytest.raises(PlaceUnreachableError, match="gone"):
        read(Nowhere("gone"))


def test_nothing_is_known_of_models_nowhere() -> None:
    nowhere = Nowhere("gone")

    known = (nowhere.is_active("a"), nowhere.end_of_life("a"), nowhere.model_unit_quota("a"))

    assert known == (None, None, None)
