"""The decision: a total, deterministic function of the situation.

Diagnose, classify, size, route, gate. Each step says when it changed the answer. Nothing here
reads a clock, calls out or raises for a valid situation.
"""

from collections.abc import Sequence
from dataclasses import replace

from bedrock_autoscaler.domain.acting.grounds import Grounds
from bedrock_autoscaler.domain.acting.holding import nothing_follows, observed_only
from bedrock_autoscaler.domain.acting.overriding import overridden
from bedrock_autoscaler.domain.acting.steps import act, change
from bedrock_autoscaler.domain.acting.succession import size_to_remember
from bedrock_autoscaler.domain.classes.classification import classify
from bedrock_autoscaler.domain.commitments.reasons import commitment_reasons
from bedrock_autoscaler.domain.consents.consenting import consented
from bedrock_autoscaler.domain.decision import Action, Decision, Memory, Situation, decision_id
from bedrock_autoscaler.domain.describing import evidence, expected_saving, remarks
from bedrock_autoscaler.domain.economics.costs import Economics, build_economics
from bedrock_autoscaler.domain.economics.facts import missing_facts
from bedrock_autoscaler.domain.fleet.instances import scale_endpoints
from bedrock_autoscaler.domain.forecasting.distribution import calibrate
from bedrock_autoscaler.domain.forecasting.learning import learn
from bedrock_autoscaler.domain.reason import Reason
from bedrock_autoscaler.domain.routing.choice import choose_routes, describe_change
from bedrock_autoscaler.domain.routing.lawfulness import seen_options, sight_of
from bedrock_autoscaler.domain.sizing.assurance import steered
from bedrock_autoscaler.domain.sizing.balance import NO_BALANCE, opened, settled
from bedrock_autoscaler.domain.sizing.planning import make_plan, make_wish
from bedrock_autoscaler.domain.target import Loop, RateCombination, UnitRate
from bedrock_autoscaler.domain.traffic.demand import Demand, estimate_demand
from bedrock_autoscaler.domain.traffic.diagnosis import WINDOW_MINUTES, Diagnosis, Way, diagnose
from bedrock_autoscaler.domain.traffic.joining import remainder
from bedrock_autoscaler.domain.traffic.observation import Traffic
from bedrock_autoscaler.domain.unit_rates.rate_choice import rate_in_use, rate_reasons, with_rate
from bedrock_autoscaler.domain.units import MINUTE, whole_minutes

_PRICING_MINUTES = 7 * 1440
_TOKENS_AS_UNIT = UnitRate(
    input_tokens_per_minute=1000.0,
    output_tokens_per_minute=1000.0,
    combination=RateCombination.SUM,
    source="1,000 tokens per minute, for classifying while no unit rate is known",
)


def decide(situation: Situation) -> Decision:
    """The decision of the situation's loop; nothing follows from a late or a blind tick's."""
    if situation.loop is Loop.ROUTING:
        decision = decide_routing(situation)
    else:
        decision = consented(decide_capacity(situation), situation)
    blocked = nothing_follows(situation)
    return observed_only(decision, situation, blocked) if blocked else decision


def decide_routing(situation: Situation) -> Decision:
    """Which routes to publish; buys and releases nothing."""
    target, fleet = situation.target, situation.fleet
    choice = choose_routes(situation)
    diagnosis = _diagnosis(situation)
    units = fleet.in_service_units
    return Decision(
        id=decision_id(target.name, situation.loop, situation.scheduled_at),
        target=target.name,
        loop=situation.loop,
        scheduled_at=situation.scheduled_at,
        mode=target.mode,
        settings_version=target.settings_version,
        classification=None,
        desired_units=units,
        allowed_units=units,
        actual_units=units,
        alternatives=(),
        expected_saving_usd_per_hour=0.0,
        actions=(),
        routes=choice.routes,
        deferrable=choice.deferrable,
        reasons=(
            *describe_change(situation.routes, choice.routes),
            *choice.reasons,
            diagnosis.reason,
            *remarks(situation),
        ),
        numbers=(
            ("throttled_share", diagnosis.throttled_share),
            ("server_error_share", diagnosis.server_error_share),
        ),
        memory=replace(choice.memory, decided_at=situation.scheduled_at),
    )


def decide_capacity(situation: Situation) -> Decision:
    """How many units to buy, release or restore, and the routes that go with it."""
    use = rate_in_use(situation.target.provisioned, situation.observation.unit_rate)
    stated, rated = situation, with_rate(situation.target, use)
    if rated is not stated.target:
        situation = replace(stated, target=rated)
    target, fleet, now = situation.target, situation.fleet, situation.scheduled_at
    demand = _demand(situation)
    economics = _economics(situation, demand)
    diagnosis = _diagnosis(situation)
    memory = _remember_errors(situation, diagnosis)
    classification, memory = classify(
        demand,
        rules=target.thresholds.classifying,
        break_even=economics.break_even if economics else None,
        memory=memory,
        now=now,
    )
    if memory.balance == NO_BALANCE and economics is not None:
        minutes = target.thresholds.sizing.decision_minutes
        known = opened(demand, fleet, economics=economics, minutes=minutes)
        memory = replace(memory, balance=known)
    plan = make_plan(situation, demand, economics, memory)
    wish = overridden(make_wish(situation, plan, classification, diagnosis), target, now)
    grounds = Grounds(
        demand=demand,
        economics=economics,
        diagnosis=diagnosis,
        blockers=missing_facts(target, now),
        blocked_until=memory.blocked_until,
    )
    outcome = act(situation, wish, grounds)
    succession = size_to_remember(situation, wish.grow_to)
    if succession != memory.succession:
        memory = replace(memory, succession=succession)
    actions: tuple[Action, ...] = () if outcome.action is None else (outcome.action,)
    # Published where the routing loop has stopped, so that this loop has a routing memory too.
    routing = choose_routes(replace(situation, memory=memory))
    scalings = scale_endpoints(situation)
    held = fleet.staying_units
    after = held + change(actions)
    alternatives = plan.alternatives if plan else ()
    return Decision(
        id=decision_id(target.name, situation.loop, now),
        target=target.name,
        loop=situation.loop,
        scheduled_at=now,
        mode=target.mode,
        settings_version=target.settings_version,
        classification=classification,
        desired_units=wish.units(held),
        allowed_units=after,
        actual_units=fleet.in_service_units,
        alternatives=alternatives,
        expected_saving_usd_per_hour=expected_saving(
            alternatives, target.thresholds.sizing.billing_minutes, held=held, after=after
        ),
        actions=actions,
        routes=routing.routes,
        deferrable=routing.deferrable,
        scalings=scalings.changes,
        reasons=_distinct(
            diagnosis.reason,
            *grounds.blockers,
            *wish.reasons,
            *outcome.reasons,
            *routing.reasons,
            *scalings.reasons,
            *remarks(situation),
            *rate_reasons(stated, use),
            *commitment_reasons(situation, classification),
        ),
        numbers=evidence(plan, economics, diagnosis, demand),
        memory=_remember(situation, demand, economics, routing.memory),
        unit_rate=use,
    )


def _demand(situation: Situation) -> Demand:
    """Demand in model units; in thousands of tokens a minute while the unit rate is unknown."""
    bought = situation.target.provisioned
    rate = bought.unit_rate if bought and bought.unit_rate else _TOKENS_AS_UNIT
    attempts = situation.target.thresholds.observing.attempts_per_call
    return estimate_demand(situation.observation.traffic, rate, attempts)


def _economics(situation: Situation, demand: Demand) -> Economics | None:
    """What the newest week's mix of tokens makes a unit's worth of traffic cost."""
    traffic = situation.observation.traffic
    week = traffic.since(traffic.end - _PRICING_MINUTES * MINUTE)
    # A refused call is as large as those of the week; all else of the week's demand is known.
    known = None if week.has_throttles else demand.newest(len(week))
    return build_economics(situation.target, week, known)


def _diagnosis(situation: Situation) -> Diagnosis:
    return diagnose(
        situation.observation.traffic,
        _ways(situation),
        max_error_share=situation.target.thresholds.gating.max_error_share,
    )


def _ways(situation: Situation) -> tuple[Way, ...]:
    """Where a refusal means pressure.

    A PT refuses what it cannot take as a matter of course when the call can go on demand. So a
    target with both is judged by its on-demand ways, any other by all that it does. Of several
    ways each is held against its own quota.
    """
    target, observation = situation.target, situation.observation
    seen = seen_options(target, observation.regions)
    quotas = {sight_of(option, observation.regions): option.quota for option in seen}
    ways = tuple(
        Way(traffic=traffic, quota=quotas.get(address))
        for address, traffic in observation.by_option
    )
    if situation.fleet.in_service_units and ways:
        return ways
    if len(ways) > 1:
        return (*ways, _elsewhere(observation.traffic, ways))
    first = seen[0].quota if seen else None
    return (Way(traffic=observation.traffic, quota=first),)


def _elsewhere(traffic: Traffic, ways: Sequence[Way]) -> Way:
    """What no way carries, such as that of a throughput which no longer serves."""
    newest = traffic.since(traffic.end - WINDOW_MINUTES * MINUTE)
    return Way(traffic=remainder(newest, [way.traffic for way in ways]), quota=None)


def _remember_errors(situation: Situation, diagnosis: Diagnosis) -> Memory:
    """Server errors above the bound block shrinking for a while longer."""
    gating = situation.target.thresholds.gating
    if diagnosis.server_error_share <= gating.max_error_share:
        return situation.memory
    until = situation.scheduled_at + gating.error_memory_minutes * MINUTE
    return replace(situation.memory, blocked_until=until)


def _remember(
    situation: Situation, demand: Demand, economics: Economics | None, memory: Memory
) -> Memory:
    """What the next decision learns from: what units were worth, and what they saved.

    A decision rests on what was known before it, so that a gap in the newest minutes changes
    what is seen but never what was learned. While days of the history are unread there is a
    backlog: it is learned from when they are there, and the balance of a new target is opened
    then, or with its first unit, of which no loss may go unbooked.
    """
    now, sizing = situation.scheduled_at, situation.target.thresholds.sizing
    is_behind = bool(situation.observation.unread)
    is_unopened = situation.memory.balance == NO_BALANCE and not situation.fleet.owned
    if economics is None or (is_behind and is_unopened):
        return replace(memory, balance=situation.memory.balance, decided_at=now)
    since = whole_minutes(now - memory.decided_at) if memory.decided_at else sizing.decision_minutes
    learned = memory.learned
    if not is_behind:
        learned = learn(learned, demand, now, economics=economics, sizing=sizing)
    promised, assurance = situation.target.slo.assure_throttled_share, memory.assurance
    if promised is not None:
        assurance = steered(
            assurance,
            demand,
            situation.fleet,
            economics=economics,
            promised_share=promised,
            minutes=since,
        )
    return replace(
        memory,
        assurance=assurance,
        calibration=calibrate(memory.calibration, demand, memory.learned, now=now, sizing=sizing),
        learned=learned,
        balance=settled(
            memory.balance, demand, situation.fleet, economics=economics, minutes=since
        ),
        decided_at=now,
    )


def _distinct(*reasons: Reason) -> tuple[Reason, ...]:
    """The reasons without those that say the same again."""
    return tuple(dict.fromkeys(reasons))
