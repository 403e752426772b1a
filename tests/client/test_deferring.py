"""Deferred work: spooled, sent as batch jobs within their bounds, fetched."""

import json
from dataclasses import replace
from typing import Any

import pytest

from bedrock_autoscaler.client import FollowedTable
from bedrock_autoscaler.client.deferring import Batches, Deferral
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.target import OptionKind
from tests.client.batches import BATCHES, BUCKET, FakeJobs, defer, deferral
from tests.client.stage import MemorySource, at_once, route, table
from tests.world.support import NOVA_LITE


def test_a_result_is_fetched_by_id(s3: Any, jobs: FakeJobs) -> None:
    work = deferral(s3, jobs)
    ids = defer(work, 3)
    (job,) = work.submit()
    assert work.result(ids[0]) is None
    assert work.collect() == 0

    jobs.run("arn:job/0")

    assert work.collect() == 3
    found = [work.result(each) for each in ids]
    assert [each.output if each else None for each in found] == [{"said": each} for each in ids]
    assert work.collect() == 0
    assert jobs.requests["arn:job/0"]["jobName"] == job
    assert jobs.requests["arn:job/0"]["modelInvocationType"] == "Converse"


def test_too_few_records_wait(s3: Any, jobs: FakeJobs) -> None:
    work = deferral(s3, jobs)
    defer(work, 2)
    assert work.submit() == ()

    defer(work, 1)

    assert len(work.submit()) == 1
    assert len(jobs.ids("arn:job/0")) == 3


def test_more_than_a_job_takes_becomes_several(s3: Any, jobs: FakeJobs) -> None:
    work = deferral(s3, jobs)
    ids = defer(work, 12)

    # 5 + 5, and 2 wait
    assert len(work.submit()) == 2
    sent = [each for arn in jobs.requests for each in jobs.ids(arn)]
    assert len(sent) == 10
    assert set(sent) < set(ids)
    assert work.submit() == ()


def test_a_job_keeps_its_bound_on_bytes(s3: Any, jobs: FakeJobs) -> None:
    line = len(json.dumps({"recordId": "0" * 32, "modelInput": {"text": "x" * 100}})) - 2
    bounds = Batches(
        bucket=BUCKET,
        prefix="deferred/chat",
        role_arn=BATCHES.role_arn,
        model_id=NOVA_LITE,
        min_records=1,
        max_bytes=2 * line + 10,
    )
    work = Deferral(s3, jobs, bounds)  # type: ignore[arg-type]  # the two operations that it uses
    for _ in range(5):
        work.defer({"text": "x" * 100})

    work.submit()

    assert sorted(len(jobs.ids(arn)) for arn in jobs.requests) == [1, 2, 2]
    with pytest.raises(ValueError, match="a record may have"):
        work.defer({"text": "x" * 1000})


def test_bounds_that_no_job_could_keep_are_refused() -> None:
    with pytest.raises(ValueError, match="min_records 100"):
        Batches(bucket="b", prefix="p", role_arn="r", model_id="m", max_records=50)


def test_what_a_job_left_out_or_refused_is_an_error(s3: Any, jobs: FakeJobs) -> None:
    work = deferral(s3, jobs)
    refused, left_out, answered = defer(work, 3)
    work.submit()
    error = {"error": {"errorCode": 400, "errorMessage": "no"}}
    jobs.run("arn:job/0", "PartiallyCompleted", **{refused: error, left_out: {}})

    assert work.collect() == 3

    found = [work.result(each) for each in (refused, left_out, answered)]
    assert [each.error if each else None for each in found] == [
        "400: no",
        "NotProcessed: the job is PartiallyCompleted",
        "",
    ]


def test_a_failed_job_leaves_an_error_for_each_record(s3: Any, jobs: FakeJobs) -> None:
    work = deferral(s3, jobs)
    ids = defer(work, 3)
    work.submit()
    jobs.statuses["arn:job/0"] = "Failed"

    assert work.collect() == 3
    assert {str(work.result(each)) for each in ids} == {
        "Result(output=None, error='NotProcessed: the job is Failed')"
    }


def test_the_table_may_name_the_model_for_batches(s3: Any, jobs: FakeJobs) -> None:
    waiting = (
        Route(kind=OptionKind.ON_DEMAND, address="by-flex", weight=0.0, tier="flex"),
        Route(kind=OptionKind.BATCH, address="elsewhere", weight=0.0, region="eu-west-1"),
        Route(kind=OptionKind.BATCH, address="us.amazon.nova-pro-v1:0", weight=0.0),
    )
    shown = replace(table(route(NOVA_LITE)), deferrable=waiting)
    followed = FollowedTable(MemorySource(shown), "chat", start=at_once)
    work = deferral(s3, jobs, table=followed)
    defer(work, 3)

    work.submit()

    assert jobs.requests["arn:job/0"]["modelId"] == "us.amazon.nova-pro-v1:0"


def test_what_will_not_fill_a_job_can_be_answered_at_once(s3: Any, jobs: FakeJobs) -> None:
    work = deferral(s3, jobs)
    first, second = defer(work, 2)

    assert work.send_now(lambda request: {"heard": request["messages"][0]["role"]}) == 2

    assert [str(work.result(each)) for each in (first, second)] == [
        "Result(output={'heard': 'user'}, error='')"
    ] * 2
    assert work.send_now(lambda request: request) == 0


def test_records_too_large_for_a_full_job_are_refused_and_in_none(s3: Any, jobs: FakeJobs) -> None:
    # 1,000 bytes among 3 records are 333 each.
    bounds = replace(BATCHES, max_bytes=1_000)
    narrow = Deferral(s3, jobs, bounds)  # type: ignore[arg-type]  # what it uses
    with pytest.raises(ValueError, match="a record may have 333: a job's 1000 among 3"):
        narrow.defer({"text": "x" * 300})
    wide = deferral(s3, jobs)
    for _ in range(3):
        wide.defer({"text": "x" * 800})
    ids = [narrow.defer({"text": "x" * 250}) for _ in range(3)]

    assert len(narrow.submit()) == 1

    assert sorted(jobs.ids("arn:job/0")) == sorted(ids)
    assert narrow.send_now(lambda request: request) == 3
