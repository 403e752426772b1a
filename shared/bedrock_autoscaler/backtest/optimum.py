"""The clairvoyant: the cheapest no-commitment units for a known trace, as a minimum-cost flow.

A unit ordered at minute o is in service from o + creation until the end of its last paid period
and costs one period's price for each. The bill of what overflows is convex in the number of
units, so unit j saves v_j in a slot of minutes and v falls with j. Units then are a circulation:

    time t  --saves v_j, capacity 1-->  ...   one arc for each slot and level, against time
    time o + creation --price--> paid until o + billing      an order
    paid until p      --price--> paid until p + billing      a renewal
    paid until p      ----0----> time p                      the unit is gone

Flow around a cycle is a unit's life: forward in time along orders and renewals, back along the
slots that it serves. Orders lie on a grid of `GRID_MINUTES`. The linear program of a circulation
has whole-numbered solutions, so the solver's answer is exact on that grid.

The trace is cut where some optimum holds no unit, and the pieces are solved one by one. Take a
moment T and a unit's paid period that spans it, from p to p + billing with p <= T. Without that
period, and with the rest of the life ordered anew at its end, the unit misses at most the service
from p to p + billing + creation. There each unit saves at most what the first one would. Where
that is no more than the period's price, for every p in reach of T, all lives can be parted at T.
"""

from dataclasses import dataclass, replace
from math import gcd
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from bedrock_autoscaler.backtest.errors import SolverMissingError
from bedrock_autoscaler.backtest.marginal import OverflowCost
from bedrock_autoscaler.backtest.replay import Replay, Score
from bedrock_autoscaler.backtest.scenario import Scenario, Term
from bedrock_autoscaler.backtest.timeline import ROUTES, Plan, Route

# Orders lie on this grid; against orders in any minute it costs less than 0.2%.
GRID_MINUTES = 5
# The solver works on whole numbers: its largest cost, unless the nodes leave less room.
_LARGEST_COST = 2.0**33
# Potentials reach largest cost x nodes x nodes in a cost-scaling solver and must fit 63 bits.
_POTENTIAL_ROOM = 2.0**61

type Ints = NDArray[np.int64]
type Floats = NDArray[np.float64]

_METHOD = (
    "minimum-cost flow over unit lives for the whole scored trace, orders on a 5-minute grid, also "
    "before its first minute, cheapest route first, {terms}; of what a unit is paid for, the "
    "scored minutes count"
)
METHOD = _METHOD.format(terms="no commitments")
METHOD_WITH_TERMS = _METHOD.format(
    terms="every unit-hour at the lowest price sold, with a commitment or without, and no unit "
    "bound to a term, so that no plan with commitments costs less"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Arcs:
    """Arcs of a flow network, one entry an arc."""

    tails: Ints
    heads: Ints
    capacities: Ints
    usd: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grid:
    """Minutes in slots; node t is the start of slot t, node `slots` the end.

    Attributes:
        step: minutes of a slot.
        slots: how many slots cover the minutes.
        minutes: how many minutes there are.
        lead: slots from an order to service.
        period: slots that are paid at a time.
        is_last: whether the trace ends here, so that a paid period may run past the end and
            costs only what lies inside; otherwise all periods end inside.
        unscored: the first minutes of them, whose paid time costs nothing.
    """

    step: int
    slots: int
    minutes: int
    lead: int
    period: int
    is_last: bool = True
    unscored: int = 0

    @classmethod
    def of(cls, scenario: Scenario, minutes: int, unscored: int = 0) -> "_Grid":
        """The coarsest grid, at most `GRID_MINUTES`, that creation and billing lie on."""
        step = _step(scenario)
        return cls(
            step=step,
            slots=-(-minutes // step),
            minutes=minutes,
            lead=scenario.creation_minutes // step,
            period=scenario.billing_minutes // step,
            unscored=unscored,
        )

    @property
    def nodes(self) -> int:
        """Times and as many paid-until nodes."""
        return 2 * (self.slots + 1)

    def paid_node(self, slot: Ints) -> Ints:
        """The paid-until node of a slot; past the end it is the end."""
        return self.slots + 1 + np.minimum(slot, self.slots)

    def starts(self, before: int) -> Ints:
        """Slots before `before` at which a paid period may begin."""
        latest = before if self.is_last else min(before, self.slots - self.period + 1)
        return np.arange(max(0, latest))

    def piece(self, first: int, end: int) -> "_Grid":
        """The slots from `first` to before `end`."""
        return replace(
            self,
            slots=end - first,
            minutes=min(end * self.step, self.minutes) - first * self.step,
            is_last=end == self.slots,
            unscored=max(self.unscored - first * self.step, 0),
        )


def _step(scenario: Scenario) -> int:
    """Minutes of a slot."""
    return gcd(GRID_MINUTES, scenario.creation_minutes, scenario.billing_minutes)


def optimum_plan(replay: Replay, *, is_warm: bool = False) -> Plan:
    """The plan with the least objective, knowing the whole trace; no commitments.

    Args:
        replay: the trace, scaled, under its scenario.
        is_warm: whether it may order before the first scored minute, as a policy may. Otherwise
            it holds nothing before, as in the benchmark's definition.

    Raises:
        SolverMissingError: the solver is not installed.
    """
    scenario, start = replay.scenario, replay.score_from
    unscored = _head_start(scenario, start) if is_warm else 0
    units = np.zeros(len(replay.trace), dtype=np.int64)
    cost = OverflowCost.of(replay, start - unscored)
    cost = replace(cost, load=np.where(np.arange(len(cost.load)) < unscored, 0.0, cost.load))
    if cost.levels() > 0:
        grid = _Grid.of(scenario, len(cost.load), unscored)
        units[start - unscored :] = _cheapest_units(cost, scenario, grid)
    return Plan(units=units, spills=(_cheapest_first(scenario),))


def _head_start(scenario: Scenario, minutes: int) -> int:
    """How many of these minutes count for orders: from earlier ones on no plan is cheaper.

    The grid begins with them, and must lie as a policy's does, from the trace's first minute on.
    """
    enough = scenario.creation_minutes + scenario.billing_minutes
    return minutes if minutes <= enough else enough + (minutes - enough) % _step(scenario)


def optimum_score(replay: Replay, *, is_warm: bool = False, may_commit: bool = False) -> Score:
    """The score of `optimum_plan`.

    Args:
        replay: the trace, scaled, under its scenario.
        is_warm: as there.
        may_commit: whether commitments may be bought; the score then is a lower bound that no
            plan need reach, for units at the lowest price sold that are bound to no term.
    """
    if may_commit:
        replay = Replay(replay.trace, _without_terms(replay.scenario), replay.score_from)
    return replay.score(optimum_plan(replay, is_warm=is_warm))


def _without_terms(scenario: Scenario) -> Scenario:
    """A scenario in which a commitment's unit costs no more without the commitment.

    A period of payment ends with each term, so that no unit has to be paid beyond one.
    """
    prices = {term: scenario.committed_unit_hour(term) for term in Term}
    sold = {term: price for term, price in prices.items() if price is not None}
    return replace(
        scenario,
        unit_hour=min((scenario.unit_hour, *sold.values())),
        billing_minutes=gcd(scenario.billing_minutes, *(term.minutes for term in sold)),
    )


def _cheapest_first(scenario: Scenario) -> tuple[Route, ...]:
    """Units, then the routes that cost less than throttling, cheapest first."""
    prices = {Route.ON_DEMAND: 1.0, Route.CROSS_REGION: scenario.cross_region_price}
    useful = [route for route in prices if prices[route] < scenario.throttle_factor]
    return (ROUTES[0], *sorted(useful, key=prices.__getitem__))


def _solver() -> ModuleType:
    """The module of the minimum-cost flow solver, which only the extra `bench` brings.

    Raises:
        SolverMissingError: it is not installed.
    """
    try:
        from ortools.graph.python import min_cost_flow  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise SolverMissingError(
            "the clairvoyant optimum needs OR-Tools: install bedrock-autoscaler[bench]"
        ) from error
    module: ModuleType = min_cost_flow
    return module


def _cheapest_units(cost: OverflowCost, scenario: Scenario, grid: _Grid) -> Ints:
    """Units that exist in each minute of the cheapest plan, piece by piece."""
    units = np.zeros(grid.minutes, dtype=np.int64)
    ends = np.append(_cuts(cost, scenario, grid), grid.slots)
    firsts = np.append(0, ends[:-1])
    for first, end in zip(firsts.tolist(), ends.tolist(), strict=True):
        piece = grid.piece(first, end)
        rows = slice(first * grid.step, first * grid.step + piece.minutes)
        part = cost.between(rows)
        if len(piece.starts(piece.slots - piece.lead)) and part.levels() > 0:
            units[rows] = _solve(part, scenario, piece)
    return units


def _cuts(cost: OverflowCost, scenario: Scenario, grid: _Grid) -> Ints:
    """Slots, not the first, at whose start some optimum holds no unit (see the module's text)."""
    rows = np.arange(grid.minutes)
    first_unit = cost.usd(np.zeros(1), rows) - cost.usd(np.ones(1), rows)
    saved = np.zeros(grid.slots + grid.period + grid.lead)
    np.add.at(saved, rows // grid.step, first_unit)
    sums = np.append(0.0, np.cumsum(saved))
    slot = np.arange(grid.slots)
    reach = sums[slot + grid.period + grid.lead] - sums[slot]
    dear = reach > _period_usd(slot, scenario, grid)
    # A period that spans the start of slot T began in one of the slots T - period + 1 to T.
    before = np.append(0, np.cumsum(dear))
    parted = before[slot + 1] == before[np.maximum(slot - grid.period + 1, 0)]
    return 1 + np.flatnonzero(parted[1:])


def _solve(cost: OverflowCost, scenario: Scenario, grid: _Grid) -> Ints:
    """Units that exist in each minute under the cheapest circulation."""
    module = _solver()
    orders, exits = _order_arcs(cost, scenario, grid), _exit_arcs(cost, grid)
    arcs = (orders, exits, _renewal_arcs(cost, scenario, grid), *_slot_arcs(cost, grid))
    usd = np.concatenate([group.usd for group in arcs])
    limit = min(_LARGEST_COST, _POTENTIAL_ROOM / grid.nodes**2)
    whole = np.rint(usd * (limit / np.abs(usd).max(initial=1e-9))).astype(np.int64)
    flow = module.SimpleMinCostFlow()
    numbers = flow.add_arcs_with_capacity_and_unit_cost(
        np.concatenate([group.tails for group in arcs]),
        np.concatenate([group.heads for group in arcs]),
        np.concatenate([group.capacities for group in arcs]),
        whole,
    )
    flow.set_nodes_supplies(np.arange(grid.nodes), np.zeros(grid.nodes, dtype=np.int64))
    status = flow.solve()
    if status != flow.OPTIMAL:
        raise RuntimeError(f"the minimum-cost flow ended with status {status}")
    flows = np.asarray(flow.flows(numbers), dtype=np.int64)
    ordered, gone = np.split(flows[: len(orders.usd) + len(exits.usd)], [len(orders.usd)])
    return _units(ordered, gone, grid)


def _units(ordered: Ints, gone: Ints, grid: _Grid) -> Ints:
    """Units that exist in each minute, from the orders and exits of each slot."""
    steps = np.zeros(grid.slots + 1, dtype=np.int64)
    steps[: len(ordered)] += ordered
    steps[: len(gone)] -= gone
    return np.repeat(np.cumsum(steps[:-1]), grid.step)[: grid.minutes]


def _period_usd(start: Ints, scenario: Scenario, grid: _Grid) -> Floats:
    """USD for a billing period from each slot on, as far as it lies in the scored minutes."""
    first = start * grid.step
    end = np.minimum(first + scenario.billing_minutes, grid.minutes)
    minutes = np.maximum(end - np.maximum(first, grid.unscored), 0)
    usd: Floats = minutes / 60 * scenario.unit_hour
    return usd


def _order_arcs(cost: OverflowCost, scenario: Scenario, grid: _Grid) -> _Arcs:
    """Orders, in the order of time, that come into service before the end."""
    slot = grid.starts(grid.slots - grid.lead)
    return _Arcs(
        tails=slot + grid.lead,
        heads=grid.paid_node(slot + grid.period),
        capacities=np.full(len(slot), cost.levels()),
        usd=_period_usd(slot, scenario, grid),
    )


def _renewal_arcs(cost: OverflowCost, scenario: Scenario, grid: _Grid) -> _Arcs:
    """A further period for a unit whose paid one ends."""
    slot = grid.starts(grid.slots)
    return _Arcs(
        tails=grid.paid_node(slot),
        heads=grid.paid_node(slot + grid.period),
        capacities=np.full(len(slot), cost.levels()),
        usd=_period_usd(slot, scenario, grid),
    )


def _exit_arcs(cost: OverflowCost, grid: _Grid) -> _Arcs:
    """A unit is gone when its paid time ends."""
    slot = np.arange(grid.slots + 1)
    return _Arcs(
        tails=grid.paid_node(slot),
        heads=slot,
        capacities=np.full(len(slot), cost.levels()),
        usd=np.zeros(len(slot)),
    )


def _slot_arcs(cost: OverflowCost, grid: _Grid) -> list[_Arcs]:
    """What units save in each slot: equal savings of one slot share an arc; spare units save 0."""
    slot = np.arange(grid.slots)
    spare = np.full(grid.slots, cost.levels())
    groups = [_Arcs(tails=slot + 1, heads=slot, capacities=spare, usd=np.zeros(grid.slots))]
    for slots, savings in cost.marginal(grid.step):
        # Sums of the same terms differ in their last bits; such levels are one arc.
        rounded = np.round(savings, 9)
        turns = np.ones(rounded.shape, dtype=np.bool_)
        turns[:, 1:] = rounded[:, 1:] != rounded[:, :-1]
        row, level = np.nonzero(turns)
        following = np.append(level[1:], 0)
        same_row = np.append(row[1:], -1) == row
        width = np.where(same_row, following, rounded.shape[1]) - level
        worth = rounded[row, level] > 0
        tails = slots[row[worth]]
        groups.append(
            _Arcs(
                tails=tails + 1,
                heads=tails,
                capacities=width[worth],
                usd=-rounded[row, level][worth],
            )
        )
    return groups
