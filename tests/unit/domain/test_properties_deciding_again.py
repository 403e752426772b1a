"""What holds when a decision was carried out and the same moment is decided again."""

from dataclasses import replace

from hypothesis import event, given
from hypothesis import strategies as st

from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import Action, Decision, Purchase, Release, Situation
from bedrock_autoscaler.domain.fleet.holdings import Fleet, ProvisionedThroughput, Status
from bedrock_autoscaler.domain.traffic.observation import Observation
from tests.builders import NOW, build_pt
from tests.unit.domain.properties import period_of, thorough
from tests.unit.domain.strategies import BUSY_ENDS, IDLE_ENDS, clear_situations, situations


def carried_out(action: Action, situation: Situation, decision: Decision) -> Situation:
    """The same moment after an action took effect."""
    fleet, seen = situation.fleet, situation.observation
    if isinstance(action, Purchase):
        fleet, seen = _bought(action, situation)
    else:
        drains = isinstance(action, Release)
        fleet = replace(
            fleet,
            throughputs=tuple(
                replace(pt, draining=drains) if pt.arn == action.arn else pt
                for pt in fleet.throughputs
            ),
            last_release_at=NOW if drains else fleet.last_release_at,
            releases_last_day=fleet.releases_last_day + int(drains),
        )
    return replace(situation, fleet=fleet, observation=seen, memory=decision.memory)


def _bought(action: Purchase, situation: Situation) -> tuple[Fleet, Observation]:
    fleet, seen = situation.fleet, situation.observation
    cost = action.model_units * period_of(situation.target)
    pt: ProvisionedThroughput = build_pt(
        900 + fleet.purchases_last_day,
        model_units=action.model_units,
        status=Status.CREATING,
        in_service_since=None,
        created_at=NOW,
    )
    fleet = replace(
        fleet,
        throughputs=(*fleet.throughputs, pt),
        purchases_last_day=fleet.purchases_last_day + 1,
        last_grow_at=NOW,
        spend=replace(
            fleet.spend,
            day_usd=fleet.spend.day_usd + cost,
            month_usd=fleet.spend.month_usd + cost,
        ),
    )
    used = (seen.model_units_used or 0) + action.model_units
    return fleet, replace(seen, model_units_used=used)


def one_purchase(situation: Situation) -> Situation:
    """The same without a limit on the size of one purchase."""
    thresholds = situation.target.thresholds
    sizing = replace(thresholds.sizing, max_units_per_purchase=1000)
    thresholds = replace(thresholds, sizing=sizing)
    return replace(situation, target=replace(situation.target, thresholds=thresholds))


def learned(situation: Situation) -> Situation:
    """The same where all that can be learned by now has been.

    A first decision rests on nothing learned. Two weeks of history may make the second one want
    more; it is another world then.
    """
    return replace(situation, memory=decide(situation).memory)


@thorough
@given(clear_situations(BUSY_ENDS).map(one_purchase).map(learned))
def test_deciding_again_after_a_purchase_holds(situation: Situation) -> None:
    decision = decide(situation)
    if not any(isinstance(action, Purchase) for action in decision.actions):
        return

    again = decide(carried_out(decision.actions[0], situation, decision))

    event("bought")
    assert again.actions == ()


@thorough
@given(
    st.one_of(situations(), clear_situations(BUSY_ENDS), clear_situations(IDLE_ENDS)).map(learned)
)
def test_deciding_again_and_again_comes_to_rest_and_never_turns_back(
    situation: Situation,
) -> None:
    directions = set()
    for _ in range(20):
        decision = decide(situation)
        if not decision.actions:
            break
        (action,) = decision.actions
        directions.add(isinstance(action, Release))
        situation = carried_out(action, situation, decision)

    event(f"{len(directions)} directions")
    assert decide(situation).actions == ()
    assert len(directions) <= 1
