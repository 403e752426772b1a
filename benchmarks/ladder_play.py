"""One story played: the shipped ladder week by week, and what else could have been done.

Costs are the arithmetic of marginal values on whole hours. Unit j of the fleet, counted from 0,
serves what lies between j and j + 1 units of demand. Without a commitment it is held through an
hour when the hour before would have paid for it, else its traffic is paid on demand; the units of
a term take the lowest levels and are paid for in every hour. What no level catches is on demand in
every way of playing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from bedrock_autoscaler.adapters.documents.parser import parse_for_backtest
from bedrock_autoscaler.application.ports.settings import SettingsProblem
from bedrock_autoscaler.backtest.scenario import DAY_MINUTES, Scenario, scenario_for
from bedrock_autoscaler.backtest.scenario_target import target_of
from bedrock_autoscaler.backtest.trace import Trace
from bedrock_autoscaler.domain.commitments.ladder import build_ladder, is_due
from bedrock_autoscaler.domain.commitments.renewal import RenewalVerdict, renewal_of
from bedrock_autoscaler.domain.commitments.studies import CommitmentStudy
from bedrock_autoscaler.domain.commitments.studying import study_commitment
from bedrock_autoscaler.domain.commitments.terms import STUDY_DAYS, terms_of
from bedrock_autoscaler.domain.fleet.holdings import Ownership, ProvisionedThroughput, Status
from bedrock_autoscaler.domain.target import Commitment, Target, UnitPrice
from bedrock_autoscaler.domain.traffic.observation import Traffic, each_series
from benchmarks.ladder_traffic import DAYS, TURN, Story, extended
from benchmarks.population import load

type Floats = NDArray[np.float64]

FIRST_DAY = 30
"""The first ladder: nothing is scored before it, since nothing could have been committed."""
SCENARIO = "claude50-x2"
_HOURS = 24
_SCALE_DAYS = TURN
_LASTS = {Commitment.ONE_MONTH: timedelta(days=30), Commitment.SIX_MONTHS: timedelta(days=180)}
"""How long a term runs here, as in a backtest; advice takes it to be as long as it may be."""
_MOST_LEVELS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What came of one story, in USD from day 30 on.

    Attributes:
        ladder, flexible, on_demand, hindsight: the shipped ladder; no commitment ever; no unit
            ever; the best commitments of all, known beforehand.
        perfect: no commitment, but each hour's units known beforehand; `ladder_perfect` is the
            ladder over that flexible layer.
        bought: units on terms, renewals among them.
        regret_halved, regret_ended: what the advice and the verdicts had said would be lost.
    """

    story: Story
    ladder: float
    flexible: float
    on_demand: float
    hindsight: float
    perfect: float
    ladder_perfect: float
    bought: int
    regret_halved: float
    regret_ended: float

    @property
    def loss(self) -> float:
        """USD by which the ladder was dearer than no commitment; below 0: cheaper."""
        return self.ladder - self.flexible


@dataclass(frozen=True, slots=True, kw_only=True)
class _World:
    """The traffic of a story as the shipped code reads it, and what each level costs by the hour.

    Attributes:
        use: how full each level is, hours x levels.
        flexible: USD of each level without a commitment, hours x levels.
        perfect: the same, had each hour been known.
        beyond: USD of what lies above all levels, by the hour.
    """

    target: Target
    traffic: Traffic
    price: UnitPrice
    on_demand: Floats
    flexible: Floats
    perfect: Floats
    beyond: Floats


def play(story: Story, *, six_months: bool) -> Played | None:
    """Play one story; None for one whose traffic has no tokens before its turn."""
    world = _world(story, six_months=six_months)
    if world is None:
        return None
    fleet, regrets = _ladder(world)
    held = _held(fleet, world)
    first = FIRST_DAY * _HOURS
    paid = sum(_paid(pt, world) for pt in fleet)
    beyond = float(world.beyond[first:].sum())
    above = np.arange(world.flexible.shape[1])[None, :] >= held[:, None]
    return Played(
        story=story,
        ladder=paid + float(world.flexible[above].sum()) + beyond,
        flexible=float(world.flexible[first:].sum()) + beyond,
        on_demand=float(world.on_demand[first:].sum()) + beyond,
        hindsight=_hindsight(world) + beyond,
        perfect=float(world.perfect[first:].sum()) + beyond,
        ladder_perfect=paid + float(world.perfect[above].sum()) + beyond,
        bought=sum(pt.model_units for pt in fleet),
        regret_halved=sum(halved for halved, _ in regrets),
        regret_ended=sum(ended for _, ended in regrets),
    )


# -- the world ---------------------------------------------------------------------------------


def _world(story: Story, *, six_months: bool) -> _World | None:
    trace = load(story.source)
    long = extended(trace, story)
    before = long.cut(_SCALE_DAYS * DAY_MINUTES)
    if not before.input_tokens.sum():
        return None
    benchmark = scenario_for(SCENARIO, before)
    scenario = benchmark.scenario
    if not six_months:
        scenario = replace(scenario, unit_hour_6m=None)
    scaled = long.scaled(benchmark.scale)
    target = _target(scenario, scaled.start)
    bought = target.provisioned
    assert bought is not None  # noqa: S101 - a scenario always sells units
    assert bought.price is not None  # noqa: S101 - likewise
    demand = scaled.equivalents(scenario.output_weight) / scenario.tokens_per_unit
    hour = scenario.tokens_per_unit * 60 * scenario.input_1k / 1000
    use = _use(demand)
    flexible = _flexible(use, hour, scenario.unit_hour)
    return _World(
        target=target,
        traffic=_traffic(scaled),
        price=bought.price,
        on_demand=use * hour,
        flexible=flexible,
        perfect=np.minimum(use * hour, scenario.unit_hour),
        beyond=_by_hour(np.maximum(demand - use.shape[1], 0.0)) * hour,
    )


def _target(scenario: Scenario, start: datetime) -> Target:
    parsed = parse_for_backtest("shipped defaults", None)
    assert not isinstance(parsed, SettingsProblem)  # noqa: S101 - the shipped defaults are valid
    return target_of(
        scenario,
        slo=parsed.slo,
        guard_rails=parsed.guard_rails,
        thresholds=parsed.thresholds,
        day=start.date(),
    )


def _traffic(trace: Trace) -> Traffic:
    nothing = np.zeros(len(trace))
    return Traffic(
        start=trace.start,
        invocations=trace.invocations,
        throttles=nothing,
        client_errors=nothing,
        server_errors=nothing,
        input_tokens=trace.input_tokens,
        output_tokens=trace.output_tokens,
        cache_read_tokens=nothing,
        cache_write_tokens=nothing,
        quota_tokens=nothing,
    )


def _use(demand: Floats) -> Floats:
    """How full each level is in each hour, as many levels as a unit could ever pay in."""
    levels = int(min(np.ceil(np.quantile(demand, 0.999)) + 1, _MOST_LEVELS))
    return np.column_stack([_by_hour(np.clip(demand - level, 0.0, 1.0)) for level in range(levels)])


def _by_hour(minutes: Floats) -> Floats:
    hours: Floats = minutes.reshape(-1, 60).mean(axis=1)
    return hours


def _flexible(use: Floats, hour: float, unit_hour: float) -> Floats:
    """Break-even on the last hour: a unit is held when it would have paid in the hour before."""
    held = np.zeros(use.shape, dtype=np.bool_)
    held[1:] = use[:-1] * hour >= unit_hour
    return np.where(held, unit_hour, use * hour)


# -- the ladder --------------------------------------------------------------------------------


def _ladder(world: _World) -> tuple[list[ProvisionedThroughput], list[tuple[float, float]]]:
    """All terms that the shipped code would have had a person agree to, with their regrets.

    The person follows every advice and every verdict of the last day; AWS renews what is kept.
    """
    fleet: list[ProvisionedThroughput] = []
    regrets: list[tuple[float, float]] = []
    evaluated: datetime | None = None
    for day in range(FIRST_DAY, DAYS):
        now = world.traffic.start + timedelta(days=day)
        for pt in [one for one in fleet if one.committed_until == now]:
            _renew(world, fleet, regrets, pt)
        if not is_due(evaluated, now):
            continue
        evaluated = now
        study = _study(world, now)
        held = sum(pt.model_units for pt in _running(fleet, now))
        ladder = build_ladder(study, world.price, lasting_units=held, now=now)
        for advice in ladder.base:
            fleet.append(_bought(advice.commitment, advice.units, now))
            regrets.append((advice.regret_halved_usd, advice.regret_ended_usd))
    return fleet, regrets


def _renew(
    world: _World,
    fleet: list[ProvisionedThroughput],
    regrets: list[tuple[float, float]],
    pt: ProvisionedThroughput,
) -> None:
    """What a person does on the last day of a term."""
    end = pt.committed_until
    assert end is not None  # noqa: S101 - it is under a term
    eve = end - timedelta(days=1)
    running = _running(fleet, eve)
    renewal = renewal_of(pt, running, _study(world, eve), price=world.price, now=eve)
    if renewal.verdict in {RenewalVerdict.KEEP, RenewalVerdict.SHRINK}:
        fleet.append(_bought(pt.commitment, renewal.kept_units, end))
        ended = renewal.renewal_usd * renewal.kept_units / renewal.units
        regrets.append((renewal.halved_usd, ended))


def _study(world: _World, now: datetime) -> CommitmentStudy:
    """What the shipped code makes of the eight weeks before."""
    known = (now - world.traffic.start) // timedelta(minutes=1)
    traffic = world.traffic.since(now - timedelta(days=STUDY_DAYS))
    length = known - (len(world.traffic) - len(traffic))
    part = Traffic(start=traffic.start, **each_series(lambda series: series[:length], traffic))
    found = study_commitment(world.target, part, model_ends_at=None)
    assert found is not None  # noqa: S101 - prices and the unit rate are known here
    return found


def _running(fleet: Sequence[ProvisionedThroughput], now: datetime) -> list[ProvisionedThroughput]:
    return [
        pt
        for pt in fleet
        if pt.created_at <= now and pt.committed_until is not None and now < pt.committed_until
    ]


def _bought(commitment: Commitment, units: int, now: datetime) -> ProvisionedThroughput:
    # What is bought later has the larger name, by which terms that end together are told apart.
    name = f"{now:%Y-%m-%d}-{commitment.value}"
    return ProvisionedThroughput(
        arn=name,
        name=name,
        model_id="backtest",
        model_units=units,
        status=Status.IN_SERVICE,
        ownership=Ownership.OWNED,
        commitment=commitment,
        created_at=now,
        in_service_since=now,
        draining=False,
        committed_until=now + _LASTS[commitment],
        decision_id=None,
    )


def _held(fleet: Sequence[ProvisionedThroughput], world: _World) -> NDArray[np.int64]:
    """Units on a term in each hour; before the first ladder all levels count as held: unscored."""
    held = np.zeros(DAYS * _HOURS, dtype=np.int64)
    for pt in fleet:
        held[_hours(pt, world)] += pt.model_units
    held[: FIRST_DAY * _HOURS] = world.flexible.shape[1]
    return held


def _hours(pt: ProvisionedThroughput, world: _World) -> slice:
    assert pt.committed_until is not None  # noqa: S101 - only terms are bought here
    hour = timedelta(hours=1)
    begin, end = pt.created_at - world.traffic.start, pt.committed_until - world.traffic.start
    return slice(begin // hour, min(end // hour, DAYS * _HOURS))


def _paid(pt: ProvisionedThroughput, world: _World) -> float:
    """Price of the part of the term that lies within the 90 days."""
    hours = _hours(pt, world)
    price = world.price.under(pt.commitment)
    assert price is not None  # noqa: S101 - it was bought at it
    return pt.model_units * float(price) * len(range(hours.start, hours.stop))


# -- hindsight ---------------------------------------------------------------------------------


def _hindsight(world: _World) -> float:
    """The least cost by terms that may begin on any day from the first ladder on."""
    daily = world.flexible.reshape(DAYS, _HOURS, -1).sum(axis=1)
    terms = terms_of(world.price)
    best = np.zeros((DAYS + 1, daily.shape[1]))
    for day in range(DAYS - 1, FIRST_DAY - 1, -1):
        best[day] = daily[day] + best[day + 1]
        for term in terms:
            end = min(day + _LASTS[term.commitment].days, DAYS)
            cost = term.usd_per_hour * _HOURS * (end - day) + best[end]
            best[day] = np.minimum(best[day], cost)
    return float(best[FIRST_DAY].sum())
