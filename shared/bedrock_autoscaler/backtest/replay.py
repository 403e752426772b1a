"""The accounting of the backtest contract: a plan replayed over a trace gives a score."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from bedrock_autoscaler.backtest.lives import Lives, lives_of
from bedrock_autoscaler.backtest.scenario import Scenario
from bedrock_autoscaler.backtest.timeline import ROUTES, Plan, Route
from bedrock_autoscaler.backtest.trace import Trace

# What rounding may leave over of a minute's traffic; less than this share was served.
_ROUNDING = 1e-9
_PT, _ON_DEMAND, _CROSS_REGION = (ROUTES.index(route) for route in Route)

type Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a plan cost and did in the scored minutes; names and units of the contract.

    Attributes:
        total_usd: the four sums below together.
        pt_usd: no-commitment units.
        commitment_usd: committed units, pro rata to the scored minutes.
        on_demand_usd: tokens served on demand.
        cross_region_usd: tokens served cross-Region.
        throttled_requests: share of the requests, from 0 to 1.
        throttled_tokens: share of the input equivalents, from 0 to 1.
        violation_minutes: minutes in which anything was throttled.
        pt_utilisation: input equivalents served by units over what units in service could
            serve; 0 without units.
        unit_hours_paid: hours paid for units, with and without commitment.
        changes: minutes in which units were ordered, deleted or committed.
        peak_units: most units that existed at once, ordered and not yet gone.
        throttle_usd: the penalty for throttled traffic; not part of `total_usd`.
    """

    total_usd: float
    pt_usd: float
    commitment_usd: float
    on_demand_usd: float
    cross_region_usd: float
    throttled_requests: float
    throttled_tokens: float
    violation_minutes: int
    pt_utilisation: float
    unit_hours_paid: float
    changes: int
    peak_units: int
    throttle_usd: float

    @property
    def objective_usd(self) -> float:
        """What the benchmark minimises: the bill and the worth of what was throttled."""
        return self.total_usd + self.throttle_usd

    def to_document(self) -> dict[str, float | int]:
        """The SCORE object of the contract; USD to a millionth, shares to 9 digits."""
        document = {
            key: round(value, 9 if "throttled" in key or key == "pt_utilisation" else 6)
            for key, value in asdict(self).items()
        }
        del document["throttle_usd"]
        return document


class Replay:
    """One trace under one scenario, prepared so that plans are replayed quickly.

    Attributes:
        trace: demand, already scaled.
        scenario: prices, quotas and delays.
        score_from: row of the first scored minute.
        load: input equivalents of each minute.
        demand: the same in model units.
        price: USD for an input equivalent on demand at each minute's mix of tokens.
        unrouted_usd: USD on demand of each minute's tokens that load nothing: output tokens
            alone at a weight of 0. No quota and no unit counts them, and each plan pays them.
        limits: routes x minutes, input equivalents that each route can serve; the row of
            provisioned throughput is empty (0), since it depends on the plan.
    """

    __slots__ = (
        "demand",
        "limits",
        "load",
        "price",
        "scenario",
        "score_from",
        "trace",
        "unrouted_usd",
    )

    def __init__(self, trace: Trace, scenario: Scenario, score_from: int = 0) -> None:
        """Prepare what does not depend on the plan.

        Raises:
            ValueError: no minute is left to score.
        """
        if not 0 <= score_from < len(trace):
            raise ValueError(f"scoring from row {score_from} leaves none of {len(trace)} minutes")
        self.trace = trace
        self.scenario = scenario
        self.score_from = score_from
        self.load: Floats = trace.equivalents(scenario.output_weight)
        self.demand: Floats = self.load / scenario.tokens_per_unit
        bill = (
            trace.input_tokens * scenario.input_1k + trace.output_tokens * scenario.output_1k
        ) / 1000
        self.price: Floats = _ratio(bill, self.load)
        is_unrouted = (self.load <= 0) & scenario.overflow
        self.unrouted_usd: Floats = np.where(is_unrouted, bill, 0.0)
        self.limits = self._limits()

    def score(self, plan: Plan) -> Score:
        """Replay a plan and account for the scored minutes."""
        scenario = self.scenario
        lives = lives_of(plan.units, scenario.billing_minutes)
        paid_until = np.minimum(lives.paid_until(scenario.billing_minutes), len(self.trace))
        paid_minutes = float((lives.units * self._scored(lives.ordered, paid_until)).sum())
        existing = plan.units
        in_service = self._in_service(lives)
        committed_minutes, commitment_usd = 0.0, 0.0
        if plan.commitments:
            committed_minutes, commitment_usd = self._commitment_bill(plan)
            bought = np.array([item.row for item in plan.commitments])
            until = bought + np.array([item.term.minutes for item in plan.commitments])
            count = np.array([item.units for item in plan.commitments])
            existing = existing + self._steps(bought, until, count)
            in_service = in_service + self._steps(bought + scenario.creation_minutes, until, count)
        capacity: Floats = in_service.astype(np.float64) * scenario.tokens_per_unit
        served, throttled = self._serve(plan, capacity)
        return self._score(
            plan,
            served=served,
            throttled=throttled,
            capacity=capacity,
            pt_usd=paid_minutes / 60 * scenario.unit_hour,
            commitment_usd=commitment_usd,
            unit_hours_paid=(paid_minutes + committed_minutes) / 60,
            peak_units=int(existing[self.score_from :].max()),
        )

    def usd_by_minute(self, plan: Plan) -> Floats:
        """What each minute of a plan costs: the units paid for, and what other routes served.

        Throttling is not in it. All minutes count, also those before the scored ones.

        Raises:
            ValueError: the plan has commitments, which are not charged by the minute.
        """
        if plan.commitments:
            raise ValueError("commitments are charged by their term, not by the minute")
        scenario = self.scenario
        lives = lives_of(plan.units, scenario.billing_minutes)
        paid = self._steps(lives.ordered, lives.paid_until(scenario.billing_minutes), lives.units)
        in_service = self._in_service(lives)
        capacity: Floats = in_service.astype(np.float64) * scenario.tokens_per_unit
        served, _ = self._serve(plan, capacity)
        elsewhere = served[_ON_DEMAND] + scenario.cross_region_price * served[_CROSS_REGION]
        tokens = elsewhere * self.price + self.unrouted_usd
        usd: Floats = paid / 60.0 * scenario.unit_hour + tokens
        return usd

    def _limits(self) -> Floats:
        """Input equivalents that each route can serve in each minute, less units."""
        scenario = self.scenario
        limits = np.zeros((len(ROUTES), len(self.load)))
        if not scenario.overflow:
            return limits
        quota = np.full(len(self.load), np.inf)
        if scenario.on_demand_tpm is not None:
            quota = np.minimum(quota, scenario.on_demand_tpm)
        if scenario.on_demand_rpm is not None:
            requests = self.trace.invocations
            share = np.divide(
                scenario.on_demand_rpm, requests, out=np.ones_like(requests), where=requests > 0
            )
            # A request quota that is not reached limits nothing, whatever the tokens are.
            quota = np.where(share < 1, np.minimum(quota, share * self.load), quota)
        limits[_ON_DEMAND] = quota
        if scenario.cross_region_factor > 0:
            limits[_CROSS_REGION] = self._cross_region_limit(quota)
        return limits

    def _cross_region_limit(self, on_demand: Floats) -> Floats:
        """The cross-Region quotas: the on-demand ones, each times the factor."""
        scenario = self.scenario
        if scenario.on_demand_rpm is None:
            return on_demand * scenario.cross_region_factor
        requests = self.trace.invocations
        tokens = np.inf if scenario.on_demand_tpm is None else scenario.on_demand_tpm
        quota = np.full(len(self.load), tokens * scenario.cross_region_factor)
        share = np.divide(
            scenario.on_demand_rpm * scenario.cross_region_factor,
            requests,
            out=np.ones_like(requests),
            where=requests > 0,
        )
        return np.where(share < 1, np.minimum(quota, share * self.load), quota)

    def _serve(self, plan: Plan, capacity: Floats) -> tuple[Floats, Floats]:
        """Input equivalents served by each route (routes x minutes), and throttled."""
        limits = self.limits.copy()
        limits[_PT] = capacity
        if plan.shares is None:
            served = np.zeros_like(limits)
            served[_PT] = np.minimum(self.load, capacity)
            left = self.load - served[_PT]
        else:
            served = np.minimum(plan.shares.T * self.load, limits)
            left = self.load - served.sum(axis=0)
        for number, spill in enumerate(plan.spills):
            for route in spill:
                index = ROUTES.index(route)
                taken = np.minimum(left, limits[index] - served[index])
                if plan.spill_index is not None:
                    taken = np.where(plan.spill_index == number, taken, 0.0)
                served[index] += taken
                left = left - taken
        return served, np.where(left > _ROUNDING * self.load, left, 0.0)

    def _score(
        self,
        plan: Plan,
        *,
        served: Floats,
        throttled: Floats,
        capacity: Floats,
        pt_usd: float,
        commitment_usd: float,
        unit_hours_paid: float,
        peak_units: int,
    ) -> Score:
        """Sums over the scored minutes."""
        window = slice(self.score_from, None)
        price, lost = self.price[window], throttled[window]
        on_demand_usd = _sum_of_products(served[_ON_DEMAND, window], price)
        on_demand_usd += float(self.unrouted_usd[window].sum())
        cross_region_usd = self.scenario.cross_region_price * _sum_of_products(
            served[_CROSS_REGION, window], price
        )
        requests = self.trace.invocations[window]
        refused = _sum_of_products(requests, _ratio(lost, self.load[window]))
        return Score(
            total_usd=pt_usd + commitment_usd + on_demand_usd + cross_region_usd,
            pt_usd=pt_usd,
            commitment_usd=commitment_usd,
            on_demand_usd=on_demand_usd,
            cross_region_usd=cross_region_usd,
            throttled_requests=_share(refused, float(requests.sum())),
            throttled_tokens=_share(float(lost.sum()), float(self.load[window].sum())),
            violation_minutes=int(np.count_nonzero(lost)),
            pt_utilisation=_share(float(served[_PT, window].sum()), float(capacity[window].sum())),
            unit_hours_paid=unit_hours_paid,
            changes=self._changes(plan),
            peak_units=peak_units,
            throttle_usd=_sum_of_products(lost, price) * self.scenario.throttle_factor,
        )

    def _commitment_bill(self, plan: Plan) -> tuple[float, float]:
        """Unit-minutes and USD of the commitments, pro rata to the scored minutes.

        Raises:
            ValueError: a term that is not sold was bought.
        """
        minutes, usd = 0.0, 0.0
        for item in plan.commitments:
            unit_hour = self.scenario.committed_unit_hour(item.term)
            if unit_hour is None:
                raise ValueError(f"term {item.term.value} is not sold in this scenario")
            end = min(item.row + item.term.minutes, len(self.trace))
            charged = item.units * max(0, end - max(item.row, self.score_from))
            minutes += charged
            usd += charged / 60 * unit_hour
        return minutes, usd

    def _scored(self, start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
        """Scored minutes from each start to before each end."""
        return np.maximum(0, end - np.maximum(start, self.score_from))

    def _in_service(self, lives: Lives) -> NDArray[np.int64]:
        """Units without commitment that serve in each minute."""
        begin = lives.ordered + self.scenario.creation_minutes
        return self._steps(begin, lives.deleted, lives.units)

    def _steps(
        self, start: NDArray[np.int64], end: NDArray[np.int64], units: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Units that are there in each minute, of groups there from start to before end."""
        minutes = len(self.trace)
        kept = (start < end) & (start < minutes)
        steps = np.zeros(minutes + 1, dtype=np.int64)
        np.add.at(steps, start[kept], units[kept])
        np.subtract.at(steps, np.minimum(end[kept], minutes), units[kept])
        return np.cumsum(steps[:-1])

    def _changes(self, plan: Plan) -> int:
        """Scored minutes in which units were ordered, deleted or committed."""
        rows = np.flatnonzero(np.diff(plan.units, prepend=0))
        if plan.commitments:
            rows = np.union1d(rows, [item.row for item in plan.commitments])
        return int(np.count_nonzero(rows >= self.score_from))


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Element by element, 0 where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


def _sum_of_products(left: Floats, right: Floats) -> float:
    """A dot product that no thread count changes, as the linear algebra library's would."""
    return float((left * right).sum())


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0
