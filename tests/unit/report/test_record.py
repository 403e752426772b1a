import numpy as np

from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from bedrock_autoscaler.report.record import Sources, read_record
from tests.builders import (
    MODEL,
    NOW,
    build_decision,
    build_observation,
    build_situation,
    build_target,
    build_traffic,
    pt_arn,
)
from tests.fakes.memory_decisions import MemoryDecisions
from tests.fakes.memory_history import MemoryHistory
from tests.fakes.memory_ledger import MemoryFleets
from tests.unit.report.records import MINUTES, build_record


def sources() -> Sources:
    """Two hours of history up to 11:00, a decision at noon that kept 33 minutes of its own."""
    history = MemoryHistory()
    kept = build_traffic(120, end=NOW - HOUR)
    history.store("chat", {MODEL: kept, pt_arn(1): build_traffic(120, end=NOW - HOUR)})
    decisions = MemoryDecisions()
    newest = build_traffic(57, end=NOW - 3 * MINUTE)
    decisions.record(
        RecordedDecision(
            decision=build_decision(),
            situation=build_situation(
                observation=build_observation(
                    traffic=newest, by_option=((MODEL, newest.since(newest.end - 30 * MINUTE)),)
                )
            ),
            history=None,
            code_version="1",
        )
    )
    return Sources(
        decisions=decisions,
        history=history,
        fleets=MemoryFleets(),
        policy=lambda _name, _version: build_target(),
    )


def test_newer_minutes_follow_the_stored_hours() -> None:
    record = read_record(sources(), "chat", NOW - 3 * HOUR, NOW + MINUTE)

    calls = record.total.invocations
    assert (len(calls), record.minutes) == (181, 181)
    # Both ways together for two hours, then what the decision kept, then what is not settled.
    assert calls[:120].tolist() == [120.0] * 120
    assert calls[120:177].tolist() == [60.0] * 57
    assert np.isnan(calls[177:]).all()


def test_each_way_is_kept_apart_with_its_gaps() -> None:
    record = read_record(sources(), "chat", NOW - 3 * HOUR, NOW + MINUTE)

    assert set(record.by_address) == {MODEL, pt_arn(1)}
    on_demand = record.by_address[MODEL].invocations
    # The half hour of the decision's own reading of this way is known, that before it is not.
    assert np.isnan(on_demand[120:147]).all()
    assert on_demand[147:177].tolist() == [60.0] * 30


def test_an_hour_that_was_kept_without_a_way_had_none_of_its_calls() -> None:
    found = sources()
    found.history.store("chat", {pt_arn(2): build_traffic(60, end=NOW - HOUR)})

    record = read_record(found, "chat", NOW - 3 * HOUR, NOW + MINUTE)

    later = record.by_address[pt_arn(2)].invocations
    assert later[:60].tolist() == [0.0] * 60


def test_decisions_come_with_the_policies_of_their_versions() -> None:
    record = read_record(sources(), "chat", NOW - HOUR, NOW + MINUTE)

    assert [one.id for one in record.decisions] == [build_decision().id]
    assert record.newest_policy == build_target()


def test_an_empty_span_has_nothing() -> None:
    record = read_record(sources(), "chat", NOW, NOW)

    assert (record.minutes, record.decisions, len(record.total)) == (0, (), 0)


def test_days_before_anything_is_known_are_left_out() -> None:
    # Two days up to 14:00 of the third, known from 13:00 of the second on.
    minutes = 2 * 1440 + 14 * 60
    end = NOW + MINUTES * MINUTE
    calls = np.full(minutes, np.nan)
    calls[1440 + 13 * 60 :] = 1_000.0
    record = build_record(
        start=end - minutes * MINUTE,
        end=end,
        total=build_traffic(minutes, end=end, invocations=calls),
        by_address={MODEL: build_traffic(minutes, end=end, invocations=calls)},
        decisions=(),
    )

    trimmed = record.trimmed()

    assert trimmed.start == record.start + 1440 * MINUTE
    assert trimmed.minutes == len(trimmed.total) == len(trimmed.by_address[MODEL]) == minutes - 1440


def test_a_record_of_which_nothing_is_known_stays_as_it_is() -> None:
    unknown = build_traffic(MINUTES, end=NOW + MINUTES * MINUTE, throttles=np.nan)
    record = build_record(total=unknown, decisions=())

    assert record.trimmed() is record
