"""A made-up month of one target: a working week's demand, a fleet that follows it, and its log.

    python -m tests.month FILE       (writes the review page of 30 days and 20,000 decisions)
    python -m tests.month --serve    (serves one of two days live, which then become three)

Nothing here is decided by the rules; it looks like what they write, and is as long.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path

import numpy as np

from bedrock_autoscaler.application.ports.ledger import LedgerState
from bedrock_autoscaler.cli.review.serving import ReviewServer
from bedrock_autoscaler.domain.decision import (
    NO_MEMORY,
    Action,
    Alternative,
    Classification,
    Decision,
    Label,
    Purchase,
    Release,
    Verdict,
    decision_id,
)
from bedrock_autoscaler.domain.economics.costs import build_economics
from bedrock_autoscaler.domain.fleet.intent import (
    FleetRecord,
    PurchaseIntent,
    PurchaseState,
    ReleaseIntent,
    ReleaseState,
)
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.sizing.balance import Balance
from bedrock_autoscaler.domain.target import Loop, OptionKind, Target
from bedrock_autoscaler.domain.traffic.observation import Series, Traffic
from bedrock_autoscaler.domain.units import MINUTE
from bedrock_autoscaler.report.building import payload_from
from bedrock_autoscaler.report.payload import Payload
from bedrock_autoscaler.report.record import Record
from bedrock_autoscaler.report.review import Head, review_page
from tests.builders import (
    MODEL,
    PROFILE,
    PT_MODEL,
    UNIT_PRICE,
    build_option,
    build_provisioned,
    build_target,
    build_traffic,
    pt_arn,
)
from tests.recorded import build_purchase, build_release

START = datetime(2026, 10, 5, tzinfo=UTC)
DAYS, DECISIONS = 30, 20_000
_DAY_MINUTES = 1440
_UNIT_USD = 30.0
_HELD_HOURS = (8, 20)
_LARGEST = 6
TARGET = build_target(
    provisioned=build_provisioned(price=replace(UNIT_PRICE, usd_per_hour=Decimal(30))),
    options=(build_option(), build_option(address=PROFILE, kind=OptionKind.GEOGRAPHIC_PROFILE)),
)


def month_record(days: int = DAYS, number: int = DECISIONS) -> Record:
    """So many days with so many decisions of both loops, capacity ones each five minutes."""
    minutes = days * _DAY_MINUTES
    end = START + minutes * MINUTE
    demand = _demand(minutes)
    purchases, releases = _fleet(days)
    held = _held(purchases, minutes)
    served = np.minimum(demand, held + 3.0)
    on_units = np.minimum(served, held)
    throttles = np.round((demand - served) * 400.0)
    return Record(
        name="chat",
        start=START,
        end=end,
        decisions=tuple(_decisions(demand, held, _actions(purchases, releases), number)),
        policies={TARGET.settings_version: TARGET},
        state=LedgerState(
            record=FleetRecord(
                target="chat", reserved_units=0, reserved_usd_per_hour=Decimal(0), version=1
            ),
            purchases=tuple(purchases),
            releases=tuple(releases),
        ),
        total=replace(_traffic(served), throttles=throttles),
        by_address={MODEL: _traffic(served - on_units), pt_arn(1): _traffic(on_units)},
    )


def _demand(minutes: int) -> Series:
    """Model units: nights near none, working days near four, weekends a third, some bursts."""
    chance = np.random.default_rng(6)
    hour = np.arange(minutes) / 60.0 % 24
    day = np.arange(minutes) // _DAY_MINUTES % 7
    shape = np.exp(-((hour - 13.5) ** 2) / 18.0)
    level = 4.2 * shape * np.where(day >= 5, 0.35, 1.0) + 0.15
    noise = chance.gamma(12.0, 1.0 / 12.0, minutes)
    bursts = np.zeros(minutes)
    for first in chance.integers(0, minutes - 40, minutes // 2000):
        bursts[first : first + int(chance.integers(5, 35))] += chance.uniform(2.0, 6.0)
    demand: Series = level * noise + bursts
    # An hour that CloudWatch did not give.
    demand[minutes // 2 : minutes // 2 + 60] = np.nan
    return demand


def _traffic(load: Series) -> Traffic:
    """From the start on; the mix of one unit, a thousand calls each."""
    return build_traffic(
        len(load),
        end=START + len(load) * MINUTE,
        input_tokens=1e6 * load,
        output_tokens=300_000.0 * load,
        invocations=np.round(1_000.0 * load),
    )


def _fleet(days: int) -> tuple[list[PurchaseIntent], list[ReleaseIntent]]:
    """On working days three units, one an hour from eight, released from eight in the evening."""
    purchases, releases = [], []
    for day in range(days):
        midnight = START + timedelta(days=day)
        if midnight.weekday() >= 5:
            continue
        for number in range(3):
            bought = midnight + timedelta(hours=_HELD_HOURS[0] + number)
            released = midnight + timedelta(hours=_HELD_HOURS[1] - number, minutes=-20)
            arn = pt_arn(10 * day + number)
            purchases.append(
                build_purchase(
                    bought,
                    state=PurchaseState.RELEASED,
                    usd_per_hour=Decimal(30),
                    arn=arn,
                    billed_from=bought + MINUTE,
                    in_service_since=bought + 15 * MINUTE,
                    ended_at=released + 20 * MINUTE,
                )
            )
            releases.append(
                build_release(
                    released,
                    arn=arn,
                    state=ReleaseState.DELETED,
                    withdrawn_at=released + MINUTE,
                    ended_at=released + 20 * MINUTE,
                )
            )
    return purchases, releases


def _held(purchases: list[PurchaseIntent], minutes: int) -> Series:
    held = np.zeros(minutes)
    for one in purchases:
        first, last = (
            (moment - START) // MINUTE for moment in (one.recorded_at, one.ended_at or START)
        )
        held[first + 15 : last - 20] += 1
    return held


def _actions(
    purchases: list[PurchaseIntent], releases: list[ReleaseIntent]
) -> dict[datetime, Action]:
    """What is decided, by the moment of its decision."""
    actions: dict[datetime, Action] = {
        one.recorded_at: Purchase(model_id=PT_MODEL, model_units=1, usd_per_hour=Decimal(30))
        for one in purchases
    }
    actions |= {one.recorded_at: Release(arn=one.arn, model_units=1) for one in releases}
    return actions


def _decisions(
    demand: Series,
    held: Series,
    actions: Mapping[datetime, Action],
    number: int,
) -> Iterator[Decision]:
    minutes = len(demand)
    economics = build_economics(TARGET, _traffic(np.ones(60)))
    assert economics is not None
    capacity = range(0, minutes, 5)
    routing = np.linspace(1, minutes - 1, max(number - len(capacity), 1)).astype(int)
    merged = sorted(
        [(row, Loop.CAPACITY) for row in capacity] + [(int(row), Loop.ROUTING) for row in routing],
        key=lambda one: (one[0], one[1].value),
    )
    before = 0
    for row, loop in merged[:number]:
        at, units = START + row * MINUTE, int(held[row])
        if loop is Loop.ROUTING:
            yield _routing(at, units, is_new=units != before)
            before = units
        else:
            expected = demand[max(row - 60, 0) : row + 1]
            mean = float(np.nan_to_num(np.nanmean(np.append(expected, 0.1))))
            full = economics.tiers[0].usd_per_unit_hour
            yield _capacity(at, units, mean, action=actions.get(at), full=full)


def _routing(at: datetime, units: int, *, is_new: bool) -> Decision:
    code = ReasonCode.ROUTES_CHANGED if is_new else ReasonCode.ROUTES_UNCHANGED
    routes = _routes(units)
    return _decision(
        at,
        Loop.ROUTING,
        units,
        routes=routes,
        reasons=(
            Reason(code=code, message=f"{len(routes)} routes, {units} of them provisioned"),
            Reason(code=ReasonCode.NO_PRESSURE, message="0.00% of attempts were throttled"),
        ),
    )


def _routes(units: int) -> tuple[Route, ...]:
    own = tuple(
        Route(kind=OptionKind.PROVISIONED, address=pt_arn(number), weight=1.0 / units)
        for number in range(units)
    )
    return (
        *own,
        Route(kind=OptionKind.ON_DEMAND, address=MODEL, weight=0.0 if units else 1.0),
        Route(kind=OptionKind.GEOGRAPHIC_PROFILE, address=PROFILE, weight=0.0),
    )


def _capacity(
    at: datetime, units: int, mean: float, *, action: Action | None, full: float
) -> Decision:
    """A decision that foresees the last hour's mean, and its argument."""
    sizes = tuple(_size(size, mean, full) for size in range(_LARGEST))
    wanted = min(sizes, key=lambda one: one.total_usd).units
    allowed = units
    if isinstance(action, Purchase):
        wanted = allowed = units + 1
    elif isinstance(action, Release):
        wanted = allowed = max(units - 1, 0)
    return _decision(
        at,
        Loop.CAPACITY,
        units,
        desired_units=wanted,
        allowed_units=allowed,
        alternatives=sizes,
        actions=() if action is None else (action,),
        expected_saving_usd_per_hour=0.0 if action is None else round(8.0 + mean, 2),
        classification=_class_at(at),
        routes=_routes(units),
        reasons=tuple(_reasons(units, wanted, mean, action)),
        numbers=_numbers(mean),
    )


def _size(units: int, mean: float, full: float) -> Alternative:
    used = min(mean / units, 1.0) if units else 0.0
    overflow = full * max(mean - 0.85 * units, 0.04 * mean)
    throttled = 0.02 * overflow
    return Alternative(
        units=units,
        units_usd=_UNIT_USD * units,
        overflow_usd=overflow,
        throttle_usd=throttled,
        total_usd=_UNIT_USD * units + overflow + throttled,
        utilization=used,
    )


def _class_at(at: datetime) -> Classification:
    day = (at - START).days
    label = Label.UNKNOWN if day < 1 else Label.BURSTY if 11 <= day < 14 else Label.SEASONAL
    verdict = {Label.UNKNOWN: Verdict.UNKNOWN, Label.BURSTY: Verdict.BURSTY}.get(
        label, Verdict.STEADY
    )
    return Classification(
        label=label,
        verdict=verdict,
        confidence=0.5 + 0.4 * ((at.hour % 7) / 7),
        features=(("hours", 24.0 * day + at.hour), ("seasonal_skill", 0.81), ("burstiness", 0.32)),
        margins=(("seasonal_skill", 0.31), ("burstiness", -0.08)),
    )


def _reasons(units: int, wanted: int, mean: float, action: Action | None) -> Iterator[Reason]:
    yield Reason(code=ReasonCode.NO_PRESSURE, message="0.00% of attempts were throttled")
    if wanted > units:
        yield Reason(
            code=ReasonCode.UNITS_PAY_OFF,
            message=f"units {units + 1} to {wanted} each avoid at least {40 + mean:.2f} USD per "
            "hour and cost 30.00",
        )
    elif wanted < units:
        yield Reason(
            code=ReasonCode.UNITS_DO_NOT_PAY,
            message=f"unit {units} avoids {10 + mean:.2f} USD per hour and costs 30.00",
        )
    else:
        yield Reason(
            code=ReasonCode.AT_DESIRED_SIZE,
            message=f"{units} units serve a mean of {mean:.2f}; no other size is worth a change",
        )
    if isinstance(action, Purchase):
        yield Reason(code=ReasonCode.PURCHASE, message="1 unit is bought without commitment")
    elif isinstance(action, Release):
        yield Reason(code=ReasonCode.RELEASE, message=f"{action.arn} is released")
    elif wanted < units:
        yield Reason(
            code=ReasonCode.PAID_PERIOD_RUNS,
            message=f"{pt_arn(units)} is paid for {int(60 * (mean % 1))} minutes",
        )


def _numbers(mean: float) -> tuple[tuple[str, float], ...]:
    worth = tuple(
        entry
        for unit in range(1, _LARGEST)
        for entry in (
            (f"use_of_unit_{unit}", min(mean / unit, 1.0)),
            (f"worth_of_unit_{unit}_usd_per_hour", 69.3 * min(mean / unit, 1.0)),
            (f"trust_that_unit_{unit}_pays", min(mean / (2 * unit), 1.0)),
            (f"keeping_unit_{unit}_usd_per_hour", 68.0 * min(mean / unit, 1.0)),
        )
    )
    return (
        ("throttled_share", 0.0),
        ("demand_last_hour_units", mean),
        ("demand_p2.5_units", 0.4 * mean),
        ("demand_p10_units", 0.6 * mean),
        ("demand_p50_units", mean),
        ("demand_p90_units", 1.5 * mean),
        ("demand_p97.5_units", 2.1 * mean),
        ("weight_same_days", 0.45),
        ("weight_last_hour", 0.3),
        ("weight_blend", 0.25),
        ("first_unit_is_bought_from_usd_per_hour", 34.5),
        ("units_are_bought_from_usd_per_hour", 34.5),
        ("units_are_kept_from_usd_per_hour", 28.5),
        *worth,
    )


def _decision(at: datetime, loop: Loop, units: int, **members: object) -> Decision:
    target: Target = TARGET
    base = Decision(
        id=decision_id("chat", loop, at),
        target="chat",
        loop=loop,
        scheduled_at=at,
        mode=target.mode,
        settings_version=target.settings_version,
        classification=None,
        desired_units=units,
        allowed_units=units,
        actual_units=units,
        alternatives=(),
        expected_saving_usd_per_hour=0.0,
        actions=(),
        routes=(),
        reasons=(),
        numbers=(),
        memory=replace(NO_MEMORY, balance=Balance(traffic_usd=5_000.0, saved_usd=420.0)),
    )
    return replace(base, **members)  # type: ignore[arg-type] # members of a decision


HEAD = Head(
    title="Review of Bedrock capacity",
    made="Made up by tests/month.py: no real traffic, price or decision is in it.",
    place="--stack bedrock-autoscaler",
    every_seconds=0,
)


def serve() -> None:
    """Serve the first two days live, and the third one too from the third look on."""
    looks = count(1)
    early, late = (payload_from(month_record(days, days * 600)) for days in (2, 3))

    def look() -> tuple[str, tuple[Payload, ...]]:
        return ("2", (late,)) if next(looks) > 2 else ("1", (early,))

    with ReviewServer(0, head=replace(HEAD, every_seconds=1), look=look) as server:
        sys.stdout.write(f"{server.address}\n")
        sys.stdout.flush()
        server.serve_forever()


def main() -> None:
    """Write the page of the month, or serve one of some days."""
    (_, path) = sys.argv
    if path == "--serve":
        serve()
    page = review_page(HEAD, [payload_from(month_record())])
    Path(path).write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
