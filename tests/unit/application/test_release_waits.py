"""What a Delete waits for: callers with an older table, the paid period's end, proven silence."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import override

import pytest

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.ports.cloudwatch import MetricsReading
from bedrock_autoscaler.application.releasing.draining import drain_problem, window_problem
from bedrock_autoscaler.domain.decision import Release
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, build_target, build_thresholds
from tests.fakes.memory_metrics import MemoryMetrics
from tests.intents import ONE_UNIT, build_held, build_release
from tests.staging import Script, Stage
from tests.unit.application.scenes import (
    ARN,
    DECIDED_AT,
    at_window,
    deletes,
    draining,
    only_release,
    reasons,
    serving,
)

# -- waiting -----------------------------------------------------------------------------------


def test_waits_for_the_publication_the_callers_and_the_window() -> None:
    scene, script = serving()
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.decide()
    scene.release()
    scene.release()

    scene.run(26)

    # 12:30 not published; until 12:42 callers (2 minutes of cache, 5 of calls, 5 for clocks that
    # differ); then paid time.
    assert reasons(scene, "release_waits") == [
        "it is not yet left out of the published table",
        "callers may still hold an older table, or have calls running",
        "its paid period runs",
    ]
    assert deletes(scene) == [ARN]
    assert only_release(scene).ended_at == NOW + 55 * MINUTE


@pytest.mark.parametrize(
    ("withdrawn", "waits"), [(None, True), (NOW - 11 * MINUTE, True), (NOW - 12 * MINUTE, False)]
)
def test_drains_for_the_client_cache_and_the_longest_call(
    withdrawn: datetime | None, *, waits: bool
) -> None:
    intent = build_release(withdrawn_at=withdrawn)

    assert (drain_problem(intent, build_target(), NOW) is not None) is waits


@pytest.mark.parametrize(
    ("minutes", "waits"),
    # Paid by the hour from the start; the last five minutes are the window.
    [(0, True), (54, True), (55, False), (59, False), (60, True), (115, False), (-3, True)],
)
def test_the_window_is_the_end_of_each_paid_period(minutes: int, *, waits: bool) -> None:
    purchase = build_held(billed_from=NOW)

    problem = window_problem(purchase, build_target(), NOW + minutes * MINUTE)

    assert (problem is not None) is waits


def test_before_bedrock_told_the_start_the_record_counts() -> None:
    purchase = build_held(billed_from=None, recorded_at=NOW)

    assert window_problem(purchase, build_target(), NOW + 57 * MINUTE) is None


def test_a_missed_window_waits_for_the_next_one() -> None:
    scene, _ = at_window()
    scene.switch.value = "stop"
    scene.run(10)
    scene.switch.value = "allow"
    assert deletes(scene) == []

    scene.run(50)
    assert deletes(scene) == []
    scene.run(1)

    assert deletes(scene) == [ARN]
    assert only_release(scene).ended_at == NOW + 115 * MINUTE


def test_a_table_that_the_withdrawal_was_not_noted_with_is_waited_for() -> None:
    scene, _ = at_window()
    table = scene.tables.current("chat")
    assert table is not None
    # As after the ledger was restored: what stood in this table's forerunners is not known.
    scene.tables.publish(replace(table, version=table.version + 1))

    scene.release()

    assert deletes(scene) == []
    version = table.version + 1
    assert reasons(scene, "release_waits")[-1] == (
        f"its withdrawal is not noted for version {version}, which is in force"
    )


# -- evidence ----------------------------------------------------------------------------------


def test_a_pt_that_still_gets_calls_is_not_deleted() -> None:
    scene, _ = draining()
    scene.serve(ARN, 15)
    scene.run(25)

    # The last call was at 12:45, so that of the settled minutes up to 12:52 (at 12:55) only
    # seven were silent, and ten at the earliest at 12:58.
    assert deletes(scene) == []
    scene.run(2)
    assert deletes(scene) == []
    scene.run(2)
    assert deletes(scene) == [ARN]


def test_a_minute_without_heartbeat_is_no_silence() -> None:
    scene, _ = at_window()
    scene.metrics.beats -= {NOW + 48 * MINUTE}

    scene.release()

    assert deletes(scene) == []
    assert reasons(scene, "release_waits")[-1] == "it was not seen silent for 10 minutes"


def test_calls_filed_under_the_bare_id_of_the_pt_are_calls() -> None:
    scene, _ = at_window()
    scene.metrics.put(ARN.rsplit("/", maxsplit=1)[-1], NOW + 50 * MINUTE, invocations=1.0)

    scene.release()

    assert deletes(scene) == []


def test_calls_filed_under_a_spelling_that_cloudwatch_lists_are_calls() -> None:
    """It was seen under that alone: silence under any other proves nothing."""
    spelled = f"provisioned-model/{ARN.rsplit('/', maxsplit=1)[-1]}"
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    scene = Stage(core=script)
    scene.run(16)
    scene.serve(spelled, 14)
    scene.run(14)
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene.run(20)
    scene.serve(spelled, 10)

    scene.run(9)

    assert deletes(scene) == []
    assert reasons(scene, "release_waits")[-1] == "it was not seen silent for 10 minutes"


def test_unreadable_metrics_delete_nothing() -> None:
    scene, _ = at_window()
    scene.metrics.fail_next(ObservationError("down"), method="read")

    assert scene.release().outcomes == (("chat", "unobserved"),)
    assert deletes(scene) == []


def test_a_failed_query_for_the_pt_proves_nothing() -> None:
    scene, _ = at_window()
    scene.metrics.failing = {ARN}

    scene.release()

    assert deletes(scene) == []


class ForgetfulMetrics(MemoryMetrics):
    """Answers for no `ModelId` at all."""

    @override
    def read(
        self,
        model_ids: Sequence[str],
        start: datetime,
        end: datetime,
        series: Mapping[str, Collection[str]] | None = None,
    ) -> MetricsReading:
        return replace(super().read(model_ids, start, end, series), traffic={})


def test_a_reading_that_leaves_the_pt_out_proves_nothing() -> None:
    scene, _ = at_window()
    scene.metrics = ForgetfulMetrics()
    scene.wire()

    scene.release()

    assert deletes(scene) == []
    assert reasons(scene, "release_waits")[-1] == "it was not seen silent for 10 minutes"


def test_a_pt_never_seen_in_the_metrics_is_unknown_not_idle() -> None:
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    script.actions[DECIDED_AT] = (Release(arn=ARN, model_units=1),)
    scene = Stage(core=script)

    scene.run(56)

    assert deletes(scene) == []
    assert (
        reasons(scene, "release_waits")[-1] == "it never showed in the metrics: unknown, not idle"
    )


def test_a_pt_that_the_table_in_force_still_names_is_not_deleted() -> None:
    scene, _ = at_window()
    table = scene.tables.current("chat")
    assert table is not None
    before = scene.tables.published[-2]
    scene.tables.publish(replace(before, version=table.version + 1))

    scene.release()

    assert deletes(scene) == []
    assert "the table in force names it" in reasons(scene, "release_waits")[-1]


def test_thresholds_of_the_target_rule_the_drain() -> None:
    slow = build_target(thresholds=build_thresholds(draining={"quiet_minutes": 30}))
    scene, _ = draining(slow)

    scene.run(26)

    assert deletes(scene) == []
    assert reasons(scene, "release_waits")[-1] == "it was not seen silent for 30 minutes"
