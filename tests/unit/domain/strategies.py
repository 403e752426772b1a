"""Situations for property tests: any that a target, its fleet and its metrics can be in."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from hypothesis import strategies as st

from bedrock_autoscaler.domain.decision import NO_MEMORY, Label, Memory, Situation
from bedrock_autoscaler.domain.fleet.holdings import Fleet, Ownership, Spend, Status
from bedrock_autoscaler.domain.forecasting.learning import NOTHING_LEARNED, Learned
from bedrock_autoscaler.domain.forecasting.lookback import WINDOWS
from bedrock_autoscaler.domain.sizing.balance import Balance
from bedrock_autoscaler.domain.target import Commitment, InferenceOption, Loop, OptionKind, Target
from bedrock_autoscaler.domain.traffic.observation import METRICS, Observation, Traffic
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    MODEL,
    NOW,
    PROFILE,
    TOKEN_PRICE,
    UNIT_PRICE,
    UNLIMITED,
    build_fleet,
    build_guard_rails,
    build_observation,
    build_option,
    build_provisioned,
    build_pt,
    build_pt_traffic,
    build_target,
    build_thresholds,
    build_traffic,
)
from tests.unit.domain.worlds import CALLS_PER_UNIT, END, units_in

LEVELS = st.one_of(
    st.just(0.0), st.just(float("nan")), st.floats(0.01, 8.0), st.sampled_from([0.3, 0.6, 1.0, 2.0])
)
LENGTHS = st.sampled_from([1, 5, 30, 60, 180, 600, 1440, 2880])
PIECES = st.lists(st.tuples(LENGTHS, LEVELS), min_size=0, max_size=6)
"""Demand: (minutes, units) one after the other; NaN is a gap."""

IDLE_ENDS = st.lists(st.tuples(LENGTHS, st.floats(0.0, 3.0)), min_size=0, max_size=5).map(
    lambda pieces: [(1440, 0.5), *pieces, (90, 0.0)]
)
"""Histories of at least a day that end in an idle hour and a half: where a release is near."""

BUSY_ENDS = st.lists(st.tuples(LENGTHS, st.floats(0.0, 3.0)), min_size=0, max_size=4).map(
    lambda pieces: [(1440, 0.5), *pieces, (240, 9.0)]
)
"""Histories of at least a day that end in four busy hours: where a purchase is near."""


def traffic_of(pieces: list[tuple[int, float]], **series: Any) -> Traffic:
    """Traffic of these pieces up to END at a constant mix of tokens."""
    load = units_in(*pieces) if pieces else np.empty(0)
    tokens = {
        "invocations": load * CALLS_PER_UNIT,
        "input_tokens": load * 1_000_000,
        "output_tokens": load * 300_000,
    }
    return build_traffic(len(load), **(tokens | series))


@st.composite
def wild_traffic(draw: st.DrawFn) -> Traffic:
    """Traffic in which nothing goes with anything: tokens without calls, huge numbers, gaps."""
    minutes = draw(st.sampled_from([0, 1, 4, 59, 61, 720, 1441, 3000]))
    random = np.random.default_rng(draw(st.integers(0, 2**16)))
    largest = draw(st.sampled_from([0.0, 1.0, 1e3, 1e6, 1e12]))
    series = {
        name: random.random(minutes) * largest * draw(st.sampled_from([0.0, 1e-6, 1.0]))
        for name in METRICS
    }
    gaps = random.random(minutes) < draw(st.sampled_from([0.0, 0.01, 0.5, 1.0]))
    for values in series.values():
        values[gaps] = np.nan
    return Traffic(start=END - minutes * MINUTE, **series)


@st.composite
def fleets(draw: st.DrawFn, *, busy: bool = False) -> Fleet:
    """Up to four PTs of any kind; `busy`: pace never forbids a release."""
    throughputs = [
        build_pt(
            number,
            model_units=draw(st.integers(1, 4)),
            status=draw(st.sampled_from(Status)) if not busy else Status.IN_SERVICE,
            ownership=draw(st.sampled_from([Ownership.OWNED] * 3 + [Ownership.UNMANAGED])),
            commitment=draw(st.sampled_from([Commitment.NONE] * 3 + [Commitment.ONE_MONTH])),
            created_at=NOW - timedelta(minutes=draw(st.integers(0, 240))),
            draining=draw(st.booleans()) if not busy else False,
        )
        for number in range(draw(st.integers(0, 4)))
    ]
    ago = st.one_of(st.none(), st.integers(0, 90).map(lambda age: NOW - age * MINUTE))
    return build_fleet(
        *throughputs,
        complete=busy or draw(st.booleans()),
        open_purchase_units=0 if busy else draw(st.sampled_from([0, 0, 0, 2])),
        last_grow_at=None if busy else draw(ago),
        last_release_at=None if busy else draw(ago),
        purchases_last_day=draw(st.integers(0, 3 if busy else 7)),
        releases_last_day=0 if busy else draw(st.integers(0, 5)),
        spend=Spend(
            day_usd=Decimal(draw(st.integers(0, 1500))),
            month_usd=Decimal(draw(st.integers(0, 30_000))),
        ),
    )


@st.composite
def options(draw: st.DrawFn) -> tuple[InferenceOption, ...]:
    """None, one or two ways on demand, cheap or dear, bounded or not, known or not."""
    kinds = ((OptionKind.ON_DEMAND, MODEL), (OptionKind.GEOGRAPHIC_PROFILE, PROFILE))
    prices = [None, TOKEN_PRICE, TOKEN_PRICE, replace(TOKEN_PRICE, input_usd_per_1k=Decimal(0))]
    quotas = [
        None,
        UNLIMITED,
        UNLIMITED,
        replace(UNLIMITED, tokens_per_minute=500_000.0, output_burndown=5.0),
        replace(UNLIMITED, tokens_per_minute=0.0, requests_per_minute=0.0),
    ]
    return tuple(
        build_option(
            kind=kind,
            address=address,
            price=draw(st.sampled_from(prices)),
            quota=draw(st.sampled_from(quotas)),
        )
        for kind, address in kinds[: draw(st.integers(0, 2))]
    )


@st.composite
def targets(draw: st.DrawFn, *, known: bool = False, roomy: bool = False) -> Target:
    """Targets with any bounds; `known`: nothing is missing that a decision on money needs.

    `roomy`: no bound is tight.
    """
    usd = draw(st.sampled_from(["10", "34.65", "60.5", "500"]))
    price = replace(UNIT_PRICE, usd_per_hour=Decimal(usd))
    provisioned = [build_provisioned(price=price)] * 5
    if not known:
        provisioned += [build_provisioned(price=None), build_provisioned(unit_rate=None)]
    least = draw(st.integers(0, 2))
    return build_target(
        provisioned=draw(st.sampled_from([*provisioned, *([] if known else [None])])),
        options=(build_option(),) if known else draw(options()),
        uses_mantle=False if known else draw(st.booleans()),
        guard_rails=build_guard_rails(
            min_units=least,
            max_units=draw(st.integers(30 if roomy else least, 40 if roomy else 12)),
            max_usd_per_hour=Decimal(draw(st.integers(20_000 if roomy else 1, 20_000))),
            max_usd_per_day=Decimal(draw(st.integers(50_000 if roomy else 1, 50_000))),
            max_usd_per_month=Decimal(draw(st.integers(90_000 if roomy else 1, 90_000))),
        ),
        thresholds=build_thresholds(
            sizing={
                "max_units_per_purchase": draw(st.sampled_from([1, 4, 100])),
                "bursty_may_hold_units": True if known else draw(st.booleans()),
            },
            gating={
                "grow_cooldown_minutes": draw(st.sampled_from([0, 30])),
                "shrink_cooldown_minutes": draw(st.sampled_from([0, 30])),
            },
        ),
    )


@st.composite
def trusts(draw: st.DrawFn) -> Learned:
    """What may have been learned: sums over moments whose outcome was some mixture of windows."""
    random = np.random.default_rng(draw(st.integers(0, 2**16)))
    rows = random.random((draw(st.sampled_from([1, 30, 3000])), len(WINDOWS)))
    mixtures = random.random((2, len(WINDOWS))) ** 4 - draw(st.sampled_from([0.0, 0.2]))
    products = rows.T @ rows
    return replace(
        NOTHING_LEARNED,
        until=NOW - draw(st.sampled_from([65, 70, 85])) * MINUTE,
        products=tuple(products[np.triu_indices(len(WINDOWS))].tolist()),
        ordered=tuple((products @ mixtures[0]).tolist()),
        kept=tuple((products @ mixtures[1]).tolist()),
    ).weighed()


@st.composite
def memories(draw: st.DrawFn) -> Memory:
    """What an earlier decision may have left."""
    if draw(st.booleans()):
        return NO_MEMORY
    traffic_usd = draw(st.sampled_from([0.0, 100.0, 1e5]))
    return replace(
        NO_MEMORY,
        label=draw(st.sampled_from(Label)),
        candidate=draw(st.sampled_from(Label)),
        learned=draw(trusts()),
        balance=Balance(
            traffic_usd=traffic_usd, saved_usd=draw(st.sampled_from([-1e4, -50.0, 0.0, 1e3]))
        ),
        blocked_until=draw(st.sampled_from([None, NOW, NOW + 10 * MINUTE])),
        pressure_until=draw(st.sampled_from([None, NOW, NOW + 10 * MINUTE])),
        pressed=draw(st.sampled_from(["", MODEL, PROFILE])),
        decided_at=NOW - draw(st.sampled_from([0, 5, 15, 600])) * MINUTE,
    )


@st.composite
def observations(draw: st.DrawFn, traffic: Traffic, fleet: Fleet) -> Observation:
    """The traffic with any facts of the account beside it."""
    unknown = st.sampled_from([None, 0, 3, 20])
    return build_observation(
        traffic=traffic,
        by_option=draw(
            st.sampled_from([(), ((MODEL, traffic),), ((MODEL, traffic), (PROFILE, traffic))])
        ),
        provisioned=tuple(
            build_pt_traffic(pt.arn, seen=draw(st.booleans())) for pt in fleet.throughputs
        ),
        model_unit_quota=draw(unknown),
        model_units_used=draw(unknown),
        model_is_active=draw(st.sampled_from([True, True, False, None])),
    )


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    """Any situation at all."""
    traffic = draw(st.one_of(wild_traffic(), PIECES.map(traffic_of)))
    fleet = draw(fleets())
    return Situation(
        target=draw(targets()),
        loop=draw(st.sampled_from(Loop)),
        scheduled_at=NOW,
        observation=draw(observations(traffic, fleet)),
        fleet=fleet,
        routes=(),
        memory=draw(memories()),
    )


@st.composite
def clear_situations(
    draw: st.DrawFn, pieces: st.SearchStrategy[list[tuple[int, float]]] = PIECES
) -> Situation:
    """Capacity ticks in which nothing but demand, bounds and pace stands in the way."""
    fleet = draw(fleets(busy=True))
    traffic = traffic_of(draw(pieces))
    return Situation(
        target=draw(targets(known=True, roomy=draw(st.booleans()))),
        loop=Loop.CAPACITY,
        scheduled_at=NOW,
        observation=build_observation(
            traffic=traffic,
            by_option=(),
            provisioned=tuple(build_pt_traffic(pt.arn) for pt in fleet.throughputs),
            model_unit_quota=100,
        ),
        fleet=fleet,
        routes=(),
        memory=draw(memories()),
    )
