"""Following the table: background looks, refusals, and the last good one for ever."""

import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, override

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from bedrock_autoscaler.client import FileTable, FollowedTable, SsmTable
from bedrock_autoscaler.client.document import routing_table_text
from tests.client.stage import (
    IN_REGION_THEN_PROFILE,
    NO_CONTROL_PLANE,
    ManualClock,
    MemorySource,
    at_once,
    document_with,
    route,
    table,
)

NEWER = table(route("model-b"), version=2)
LOGGER = "bedrock_autoscaler.client.tables"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def source() -> MemorySource:
    return MemorySource(IN_REGION_THEN_PROFILE)


@pytest.fixture
def followed(source: MemorySource, clock: ManualClock) -> FollowedTable:
    return FollowedTable(source, "chat", clock=clock, start=at_once)


def test_the_table_is_read_once_per_hint(
    followed: FollowedTable, source: MemorySource, clock: ManualClock
) -> None:
    for _ in range(100):
        assert followed.current() == IN_REGION_THEN_PROFILE
    assert source.reads == 1

    # The hint is 60 s, spread by up to a fifth: never before 48 s, always by 72 s.
    source.show(NEWER)
    clock.now += 47.9
    assert followed.current() == IN_REGION_THEN_PROFILE
    clock.now += 24.2
    assert followed.current() == NEWER
    assert source.reads == 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "routing table of chat is refused: document: is no JSON"),
        (
            document_with(IN_REGION_THEN_PROFILE, schema=2),
            "chat is refused: schema: is 2, and this version of the library knows 1 at most;",
        ),
        (
            document_with(
                IN_REGION_THEN_PROFILE,
                routes=[{"kind": "on_demand", "address": "a", "weight": 0.5}],
            ),
            "routing table of chat is refused: its weights add to 0.5",
        ),
        (document_with(IN_REGION_THEN_PROFILE, published_at="0001-01-01T00:00:00+05:00"), "time"),
        (document_with(IN_REGION_THEN_PROFILE, routes=[]), "routes"),
        (routing_table_text(table(route("model-b"), target="other")), "is for target other"),
        (routing_table_text(table(route("model-b"), version=4)), "older than 5"),
    ],
)
def test_a_table_that_misleads_is_refused_with_one_warning(
    text: str, problem: str, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    source = MemorySource()
    followed = FollowedTable(source, "chat", clock=clock, start=at_once)
    good = table(route("model-a"), version=5)
    source.show(good)
    followed.look()
    source.show(text)
    caplog.set_level(logging.INFO, LOGGER)

    for _ in range(3):
        assert followed.look() == good
    source.show(good)
    followed.look()

    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert problem in warnings[0].getMessage()
    assert "is well" in caplog.records[-1].getMessage()


def test_a_repaired_copy_of_the_same_version_is_taken(
    followed: FollowedTable, source: MemorySource
) -> None:
    source.show(document_with(IN_REGION_THEN_PROFILE, refresh_seconds=999))
    followed.look()
    source.show(IN_REGION_THEN_PROFILE)

    assert followed.look() == IN_REGION_THEN_PROFILE


@pytest.mark.parametrize("seconds", [10**9, 10**400])
def test_a_senseless_hint_is_no_last_word(
    followed: FollowedTable, source: MemorySource, clock: ManualClock, seconds: int
) -> None:
    source.show(document_with(IN_REGION_THEN_PROFILE, refresh_seconds=seconds))
    followed.look()
    source.show(NEWER)

    clock.now += 1.2 * 3600
    followed.current()

    assert followed.current() == NEWER


def test_without_control_plane_the_last_table_stays_and_is_asked_for_ever_more_rarely(
    followed: FollowedTable, source: MemorySource, clock: ManualClock
) -> None:
    followed.current()
    source.error = NO_CONTROL_PLANE

    for _ in range(24 * 60):
        clock.now += 60
        assert followed.current() == IN_REGION_THEN_PROFILE

    # Looks are up to five minutes apart, spread by a fifth: 240 to 360 s of 86,400 s.
    assert 86_400 / 420 <= source.reads <= 86_400 / 240 + 5
    source.error = None
    source.show(NEWER)
    clock.now += 361
    assert followed.current() == NEWER


def test_a_first_look_that_fails_is_repeated_soon_and_then_ever_more_rarely(
    followed: FollowedTable, source: MemorySource, clock: ManualClock
) -> None:
    source.error = NO_CONTROL_PLANE
    assert followed.current() is None
    began, waits = clock.now, []
    for _ in range(3000):
        clock.now += 1
        reads = source.reads
        followed.current()
        if source.reads > reads:
            waits.append(clock.now - began)
            began = clock.now

    # 5 s doubled: 10, 20, 40, ... 300 s, each spread by a fifth, looked at once a second.
    for wait, middle in zip(waits, (10, 20, 40, 80, 160, 300, 300), strict=False):
        assert 0.8 * middle <= wait <= 1.2 * middle + 1
    source.error = None
    clock.now += 361
    assert followed.current() == IN_REGION_THEN_PROFILE


def test_an_answer_that_nobody_expected_leaves_the_table_in_force(
    followed: FollowedTable, source: MemorySource, clock: ManualClock
) -> None:
    followed.current()
    source.error = ResponseParserError("this is a proxy's page, and no answer of AWS's")
    assert followed.look() == IN_REGION_THEN_PROFILE

    source.error = None
    source.show(NEWER)
    clock.now += 361
    assert followed.current() == NEWER


def test_without_a_thread_to_look_calls_go_on_by_the_table_in_force(
    source: MemorySource, clock: ManualClock
) -> None:
    has_threads = False

    def start(work: Callable[[], object]) -> None:
        if not has_threads:
            raise RuntimeError("can't create new thread at interpreter shutdown")
        work()

    followed = FollowedTable(source, "chat", clock=clock, start=start)
    assert followed.current() is None
    assert followed.has_looked

    has_threads = True
    clock.now += 61
    assert followed.current() == IN_REGION_THEN_PROFILE

    has_threads = False
    clock.now += 3600
    assert followed.current() == IN_REGION_THEN_PROFILE


def test_without_any_table_there_is_none(followed: FollowedTable, source: MemorySource) -> None:
    source.error = OSError("no such file")

    assert followed.current() is None
    assert followed.has_looked


def test_the_first_call_waits_for_a_bounded_time_and_only_once(clock: ManualClock) -> None:
    release, reading = threading.Event(), threading.Event()

    class Slow(MemorySource):
        @override
        def read(self) -> str:
            reading.set()
            release.wait(10)
            return super().read()

    source = Slow(IN_REGION_THEN_PROFILE)
    followed = FollowedTable(source, "chat", clock=clock, first_wait_seconds=0.01)

    assert followed.current() is None
    assert reading.wait(10)
    assert followed.current() is None
    release.set()
    for _ in range(1000):
        if followed.current() is not None:
            break
        threading.Event().wait(0.005)
    assert followed.current() == IN_REGION_THEN_PROFILE
    assert source.reads == 1


def test_many_threads_share_one_look(clock: ManualClock) -> None:
    source = MemorySource(IN_REGION_THEN_PROFILE)
    followed = FollowedTable(source, "chat", clock=clock)
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(followed.current())) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == [IN_REGION_THEN_PROFILE] * 20
    assert source.reads == 1


def test_a_file_is_a_source(tmp_path: Path, clock: ManualClock) -> None:
    path = tmp_path / "table.json"
    followed = FollowedTable(FileTable(path), "chat", clock=clock, start=at_once)
    assert followed.look() is None
    path.write_bytes(b"\xff\xfe\xff")
    assert followed.look() is None

    path.write_text(routing_table_text(NEWER), encoding="utf-8")

    assert followed.look() == NEWER


def test_the_parameter_of_the_target_is_a_source() -> None:
    asked = []

    class Ssm:
        def get_parameter(self, **request: str) -> dict[str, dict[str, str]]:
            asked.append(request)
            if len(asked) > 1:
                raise ClientError({"Error": {"Code": "ParameterNotFound"}}, "GetParameter")
            return {"Parameter": {"Value": json.dumps("text")}}

    client: Any = Ssm()
    source = SsmTable(client, "chat", "/team/prefix")

    assert source.read() == '"text"'
    assert asked == [{"Name": "/team/prefix/routes/chat"}]
    followed = FollowedTable(source, "chat", start=at_once)
    assert followed.current() is None
