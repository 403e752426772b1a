"""The defects: guards of the failure model, and how each is switched off."""

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from bedrock_autoscaler.domain.fleet.holdings import Spend
from tests.simulation.defects import OF_FLEETS, OF_PERSONS, Defect
from tests.simulation.planting import (
    FINDS_NOTHING,
    all_listed,
    answers,
    becomes,
    begins_unfenced,
    by_ledger_alone,
    by_tag_alone,
    claims_to_be_whole,
    gap_is_silence,
    holds_all,
    keeps_routes,
    looks_uncommitted,
    new_token,
    reads_fresh_minutes,
    sees_no_release,
    takes_any_version,
    without_caps,
    without_fence,
)
from tests.simulation.schedule import Scenario
from tests.simulation.volume import Planner

_APP = "bedrock_autoscaler.application"
_NOTHING_BOOKED = Spend(day_usd=Decimal(0), month_usd=Decimal(0))
_OTHER_MODES = SimpleNamespace(ADVISE="nobody")


def _one(
    guard: str,
    rows: str,
    scenario: Scenario,
    *plants: tuple[str, Any],
    near: str | None = None,
    apart: tuple[range, Planner] | None = None,
) -> Defect:
    places = tuple((place.replace("app.", f"{_APP}.", 1), plant) for place, plant in plants)
    return Defect(
        guard=guard,
        rows=rows,
        plants=places,
        scenario=scenario,
        near=near,
        apart=apart,
    )


_STORE = "tests.fakes.memory_ledger:MemoryFleets"
_CONTROLS = "bedrock_autoscaler.domain.acting.controls:Controls"
_BEDROCK = "tests.simulation.bedrock:SimulatedBedrock"

DEFECTS: tuple[Defect, ...] = (
    _one(
        "write-ahead: the intent before the call",
        "2, 3, 37",
        Scenario.CALM,
        (f"{_STORE}.begin_purchase", FINDS_NOTHING),
    ),
    _one("token: the stored one goes out", "2", Scenario.CALM, (f"{_BEDROCK}.buy", new_token)),
    _one(
        "reservation: caps in the transaction",
        "5",
        Scenario.CALM,
        (f"{_STORE}.begin_purchase", without_caps),
        ("app.purchasing.purchase:room_problem", FINDS_NOTHING),
    ),
    _one(
        "caps of the stack",
        "5",
        Scenario.CALM,
        (f"{_STORE}._require_room", FINDS_NOTHING),
        ("app.purchasing.purchase:stack_problem", FINDS_NOTHING),
    ),
    _one(
        "version fence of the fleet and the stack",
        "5, 6",
        Scenario.OVERLAPPING,
        (f"{_STORE}.begin_purchase", without_fence),
        near="two targets under one cap",
    ),
    _one(
        "version fence of a release",
        "6, 21",
        Scenario.OVERLAPPING,
        (f"{_STORE}.begin_release", begins_unfenced),
        near="two releases in turn",
    ),
    _one(
        "repair before deciding",
        "3",
        Scenario.REFUSING,
        ("app.purchasing.repairing:Repair.settle", answers(())),
    ),
    _one(
        "grace before absence counts",
        "4",
        Scenario.CALM,
        ("app.purchasing.repairing:GRACE", becomes(timedelta(0))),
    ),
    _one(
        "adoption of what turns up late",
        "4",
        Scenario.NEIGHBOURS,
        ("app.purchasing.repairing:Repair._adopt_late", FINDS_NOTHING),
        near="tagged as another's and as ours again",
    ),
    _one(
        "a neighbour's purchase without tags yet",
        "15",
        Scenario.LAGGING,
        ("app.observing.stacking:untagged", answers(frozenset())),
    ),
    _one(
        "price and terms from the settings",
        "7",
        Scenario.CALM,
        ("app.purchasing.purchase:terms_problem", FINDS_NOTHING),
    ),
    _one(
        "quota and life cycle are known",
        "7",
        Scenario.REFUSING,
        ("app.purchasing.purchase:facts_problem", FINDS_NOTHING),
    ),
    _one(
        "consent for a term",
        "8",
        Scenario.TERMS,
        ("app.purchasing.purchase:_Buyer._consent_problem", FINDS_NOTHING),
        (f"{_STORE}._use_consent", FINDS_NOTHING),
    ),
    _one(
        "consent used up once",
        "8",
        Scenario.TERMS,
        (f"{_STORE}._use_consent", FINDS_NOTHING),
    ),
    _one(
        "spend caps",
        "O2",
        Scenario.OVERLAPPING,
        ("app.purchasing.admitting:booked_spend", answers(_NOTHING_BOOKED)),
    ),
    _one(
        "purchases a day",
        "11",
        Scenario.CLOCKS,
        ("app.purchasing.admitting:purchases_since", answers(0)),
        ("app.purchasing.breaking:purchases_since", answers(0)),
        near="more asked than a day allows",
    ),
    _one(
        "breaker",
        "11",
        Scenario.LAGGING,
        ("app.purchasing.purchase:breaker_problem", FINDS_NOTHING),
        ("app.purchasing.buying:breaker_problem", FINDS_NOTHING),
    ),
    _one(
        "releases a day",
        "21",
        Scenario.CALM,
        ("app.releasing.draining:releases_since", answers(0)),
        near="more leave than a day allows",
    ),
    _one(
        "share of units that leaves within an hour",
        "21",
        Scenario.LAGGING,
        ("app.releasing.release:hour_problem", FINDS_NOTHING),
        near="two can leave within an hour",
    ),
    _one(
        "share of units withdrawn within an hour",
        "21",
        Scenario.CALM,
        ("app.releasing.withdrawing:hour_problem", FINDS_NOTHING),
    ),
    _one(
        "tag of the owner",
        "15",
        Scenario.NEIGHBOURS,
        ("app.releasing.release:identity_problem", by_ledger_alone),
        near="tagged as another's while it leaves",
    ),
    _one(
        "ledger of the owner",
        "15, 39",
        Scenario.NEIGHBOURS,
        ("app.releasing.release:identity_problem", by_tag_alone),
        ("app.releasing.withdrawing:Withdrawal._problem", FINDS_NOTHING),
    ),
    _one(
        "paging of lists",
        "16",
        Scenario.SETTINGS,
        (f"{_BEDROCK}.partial_inventory", claims_to_be_whole),
    ),
    _one(
        "silence on positive evidence",
        "17",
        Scenario.METRICS,
        ("app.releasing.draining:Silence._quiet_minutes", answers(10**6)),
    ),
    _one(
        "a gap is no silence",
        "23",
        Scenario.METRICS,
        ("app.releasing.draining:quiet_minutes", gap_is_silence),
    ),
    _one(
        "settling lag of the metrics",
        "24",
        Scenario.METRICS,
        ("app.releasing.draining:Silence._quiet_minutes", reads_fresh_minutes),
    ),
    _one(
        "seen before it is idle",
        "17",
        Scenario.CALM,
        ("app.observing.measuring:has_calls", answers(value=True)),
    ),
    _one(
        "drain of callers' tables",
        "18",
        Scenario.REFUSING,
        ("app.releasing.release:drain_problem", FINDS_NOTHING),
    ),
    _one(
        "end of the paid period",
        "O13",
        Scenario.CALM,
        ("app.releasing.release:window_problem", FINDS_NOTHING),
    ),
    _one(
        "least units",
        "O13",
        Scenario.CALM,
        ("app.releasing.release:bound_problem", FINDS_NOTHING),
        ("app.releasing.withdrawing:bound_problem", FINDS_NOTHING),
    ),
    _one(
        "term forbids a Delete",
        "O7",
        Scenario.TERMS,
        ("app.releasing.withdrawing:Withdrawal._term_problem", FINDS_NOTHING),
        (f"{_BEDROCK}.get", looks_uncommitted),
        near="a term outlasts the wish",
    ),
    _one(
        "kill switch of purchases",
        "34",
        Scenario.SWITCH,
        ("app.purchasing.buying:Buying.stop", FINDS_NOTHING),
    ),
    _one(
        "kill switch of releases",
        "34",
        Scenario.SWITCH,
        ("app.releasing.release:_Releaser._stop", FINDS_NOTHING),
    ),
    _one(
        "kill switch of routes",
        "34",
        Scenario.SWITCH,
        ("app.publishing:_Publisher._may_start", answers(value=True)),
    ),
    _one(
        "mode advise",
        "34",
        Scenario.CLOCKS,
        ("app.purchasing.purchase:Mode", becomes(_OTHER_MODES)),
    ),
    _one(
        "time left for a call",
        "42",
        Scenario.OVERLAPPING,
        ("app.purchasing.buying:has_time", answers(value=True)),
    ),
    _one(
        "age of a decision",
        "35",
        Scenario.TERMS,
        ("app.purchasing.purchase:carrying_problem", FINDS_NOTHING),
    ),
    _one(
        "PTs in a table are in service",
        "O11",
        Scenario.FAILING,
        ("app.publishing:_Shelf.in_service", all_listed),
    ),
    _one(
        "routes on the allow-list",
        "52",
        Scenario.CALM,
        ("app.publishing:_Publisher._permitted", keeps_routes),
    ),
    _one(
        "releases leave the table",
        "18",
        Scenario.CALM,
        ("app.publishing:_Publisher._releases", sees_no_release),
    ),
    _one(
        "version of the table in force",
        "48",
        Scenario.OVERLAPPING,
        ("tests.fakes.memory_routes:MemoryRoutingTables.publish", takes_any_version),
    ),
    _one(
        "write-ahead of instances",
        "2, 3, 37",
        Scenario.CALM,
        ("tests.fakes.memory_scalings:MemoryScalings.write", FINDS_NOTHING),
        near="an endpoint grows and shrinks",
    ),
    _one(
        "changes of instances a day",
        "O13",
        Scenario.CALM,
        ("bedrock_autoscaler.domain.fleet.scalings:EndpointRecord.made_since", answers(0)),
        near="an endpoint changes more often than a day allows",
    ),
    _one(
        "bounds of instances",
        "O1",
        Scenario.CALM,
        ("app.scaling.scale:_Scaler._problem", FINDS_NOTHING),
        near="an endpoint beyond its bounds",
    ),
    _one(
        "dollars of instances beside those of units",
        "5, O2",
        Scenario.CALM,
        ("app.scaling.scale:_Scaler._dollars_problem", FINDS_NOTHING),
        near="an endpoint beside units",
    ),
    _one(
        "kill switch of instances",
        "34",
        Scenario.SWITCH,
        ("app.scaling.scale:_Scaler._stop", FINDS_NOTHING),
        near="the switch closes on an endpoint",
    ),
    _one(
        "grace of instances",
        "4",
        Scenario.LAGGING,
        ("app.scaling.rescaling:GRACE", becomes(timedelta(0))),
        near="an endpoint is shown late",
    ),
    _one(
        "caps of single accounts",
        "5",
        Scenario.CALM,
        ("app.purchasing.purchase:account_problem", FINDS_NOTHING),
        apart=OF_PERSONS,
    ),
    _one(
        "caps of single accounts on instances",
        "5, O2",
        Scenario.CALM,
        ("app.scaling.affording:account_dollars_problem", FINDS_NOTHING),
        apart=OF_PERSONS,
    ),
    _one(
        "one purchase for what is adopted",
        "15, 39",
        Scenario.NEIGHBOURS,
        ("app.purchasing.adopting:Adoption._require_free", FINDS_NOTHING),
        apart=OF_PERSONS,
    ),
    _one(
        "a teardown deletes what the ledger holds",
        "15, 22",
        Scenario.NEIGHBOURS,
        ("bedrock_autoscaler.cli.steering.parts:_throughput", holds_all),
        apart=OF_PERSONS,
    ),
    _one(
        "messages far ahead of the clock",
        "35",
        Scenario.CLOCKS,
        ("app.ticking:Tick.is_far_ahead", becomes(property(answers(value=False)(None)))),
        apart=OF_FLEETS,
    ),
    _one(
        "consent for a large purchase",
        "8",
        Scenario.TERMS,
        ("app.purchasing.purchase:_Buyer._consent_problem", FINDS_NOTHING),
        (f"{_STORE}._use_consent", FINDS_NOTHING),
        near="a person refuses",
    ),
    _one(
        "a person's pause of growth",
        "O12",
        Scenario.CALM,
        (f"{_CONTROLS}.growth_problem", FINDS_NOTHING),
        apart=OF_PERSONS,
    ),
    _one(
        "a person's pause of releases, change windows",
        "O12",
        Scenario.CALM,
        (f"{_CONTROLS}.shrink_problem", FINDS_NOTHING),
        apart=OF_PERSONS,
    ),
)
