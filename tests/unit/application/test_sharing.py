from datetime import timedelta

from bedrock_autoscaler.application.observing.sharing import SharedMetrics, SharedTables
from bedrock_autoscaler.domain.routing.route import route_of
from bedrock_autoscaler.domain.routing.table import RoutingTable
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import MODEL, NOW, build_option
from tests.fakes.memory_metrics import MemoryMetrics
from tests.fakes.memory_routes import MemoryRoutingTables


def numbered(version: int) -> RoutingTable:
    return RoutingTable(
        target="chat",
        version=version,
        routes=(route_of(build_option(), 1.0),),
        refresh_seconds=60,
        no_fallback=False,
        decision_id=f"chat-routing-{version}",
        published_at=NOW + timedelta(minutes=version),
    )


def test_a_table_is_the_one_that_the_run_found_first() -> None:
    tables = MemoryRoutingTables()
    tables.publish(numbered(1))
    shared = SharedTables(tables)
    shared.current("chat")

    tables.publish(numbered(2))

    assert shared.current("chat") == numbered(1)


def test_that_there_was_none_is_remembered_too() -> None:
    tables = MemoryRoutingTables()
    shared = SharedTables(tables)
    shared.current("chat")

    tables.publish(numbered(1))

    assert shared.current("chat") is None


def test_what_is_published_through_it_is_in_force_and_reaches_callers() -> None:
    tables = MemoryRoutingTables()
    shared = SharedTables(tables)
    shared.current("chat")

    shared.publish(numbered(1))
    shared.project(numbered(1))

    assert shared.current("chat") == tables.current("chat") == numbered(1)
    assert tables.projected == {"chat": numbered(1)}


def test_minutes_that_were_read_are_asked_for_once_whenever_they_settle() -> None:
    metrics = MemoryMetrics()
    shared = SharedMetrics(metrics)
    ends = (NOW, NOW - 30 * MINUTE)

    for end in (*ends, *ends):
        shared.read([f"{MODEL}-{end:%M}"], end - HOUR, end)

    assert len(metrics.asked) == 2


def test_old_history_is_not_kept_for_the_other_loop() -> None:
    metrics = MemoryMetrics()
    shared = SharedMetrics(metrics)
    shared.read([MODEL], NOW - HOUR, NOW)

    for _ in range(2):
        shared.read([MODEL], NOW - 25 * HOUR, NOW - HOUR)

    assert len(metrics.asked) == 3
