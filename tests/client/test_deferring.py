"""Deferred work: spooled, sent as batch jobs within their bounds, interrupted anywhere, fetched."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.validate import ParamValidator
from moto import mock_aws

from bedrock_autoscaler.client import FollowedTable
from bedrock_autoscaler.client.deferring import Batches, Deferral
from bedrock_autoscaler.client.spool import BusyError, UndeletedError
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.target import OptionKind
from tests.client.refusals import refusal
from tests.client.stage import MemorySource, at_once, route, table
from tests.world.support import CREDENTIALS, NOVA_LITE

BUCKET = "team-bucket"
BATCHES = Batches(
    bucket=BUCKET,
    prefix="deferred/chat",
    role_arn="arn:aws:iam::111122223333:role/batch",
    model_id=NOVA_LITE,
    min_records=3,
    max_records=5,
)


class FakeJobs:
    """Batch inference: checks requests against the service model, and answers when told to run."""

    class meta:  # noqa: D106, N801 - boto3's name
        region_name = "us-east-1"

    def __init__(self, s3: Any) -> None:
        model = boto3.client("bedrock", **CREDENTIALS).meta.service_model
        self._shape: Any = model.operation_model("CreateModelInvocationJob").input_shape
        self._s3 = s3
        self._by_token: dict[str, str] = {}
        self.requests: dict[str, dict[str, Any]] = {}
        self.statuses: dict[str, str] = {}
        self.failures: list[Exception] = []
        self.refusals: dict[str, Exception] = {}

    def create_model_invocation_job(self, **request: Any) -> dict[str, str]:
        report = ParamValidator().validate(request, self._shape)
        assert not report.has_errors(), report.generate_report()
        if request["jobName"] in self.refusals:
            raise self.refusals[request["jobName"]]
        token = request["clientRequestToken"]
        arn = self._by_token.get(token) or f"arn:job/{len(self._by_token)}"
        self._by_token[token], self.requests[arn] = arn, request
        self.statuses.setdefault(arn, "Submitted")
        if self.failures:
            raise self.failures.pop()
        return {"jobArn": arn}

    def get_model_invocation_job(self, *, jobIdentifier: str) -> dict[str, str]:  # noqa: N803
        if jobIdentifier in self.refusals:
            raise self.refusals[jobIdentifier]
        return {"status": self.statuses[jobIdentifier]}

    def ids(self, arn: str) -> list[str]:
        data = self.requests[arn]["inputDataConfig"]["s3InputDataConfig"]["s3Uri"]
        key = data.removeprefix(f"s3://{BUCKET}/")
        body = self._s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode()
        return [json.loads(line)["recordId"] for line in body.splitlines()]

    def run(self, arn: str, status: str = "Completed", **special: Mapping[str, Any]) -> None:
        """End a job; each record answers with its id, or as told."""
        lines = [
            json.dumps({"recordId": each, **special.get(each, {"modelOutput": {"said": each}})})
            for each in self.ids(arn)
            if special.get(each) != {}
        ]
        out = self.requests[arn]["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"]
        key = out.removeprefix(f"s3://{BUCKET}/") + "abc/input.jsonl.out"
        self._s3.put_object(Bucket=BUCKET, Key=key, Body="\n".join(lines).encode())
        self.statuses[arn] = status


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", **CREDENTIALS)
        client.create_bucket(Bucket=BUCKET)
        yield client
        client.close()


@pytest.fixture
def jobs(s3: Any) -> FakeJobs:
    return FakeJobs(s3)


def deferral(s3: Any, jobs: Any, **options: Any) -> Deferral:
    return Deferral(s3, jobs, BATCHES, **options)


def defer(work: Deferral, count: int) -> list[str]:
    return [
        work.defer({"messages": [{"role": "user", "content": [{"text": f"{i}"}]}]})
        for i in range(count)
    ]


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


@pytest.mark.parametrize("failure", [refusal("ThrottlingException"), ConnectionError("no answer")])
def test_an_interrupted_submission_is_finished_and_paid_once(
    s3: Any, jobs: FakeJobs, failure: Exception
) -> None:
    work = deferral(s3, jobs)
    ids = defer(work, 3)
    jobs.failures.append(failure)
    with pytest.raises(type(failure)):
        work.submit()

    defer(work, 3)
    work.submit()

    # The first job is asked for again by the same token, so there are two and no third.
    assert sorted(jobs.requests) == ["arn:job/0", "arn:job/1"]
    assert sorted(jobs.ids("arn:job/0")) == sorted(ids)
    assert set(jobs.ids("arn:job/1")).isdisjoint(ids)


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


def test_one_process_works_on_a_spool_at_a_time(s3: Any, jobs: FakeJobs) -> None:
    work = deferral(s3, jobs)
    s3.put_object(Bucket=BUCKET, Key="deferred/chat/lease.json", Body=b"{}")

    with pytest.raises(BusyError, match="is held since"):
        work.submit()


def test_the_lease_of_a_process_that_died_is_taken_over(s3: Any, jobs: FakeJobs) -> None:
    work = deferral(s3, jobs)
    defer(work, 3)
    s3.put_object(Bucket=BUCKET, Key="deferred/chat/lease.json", Body=b"{}")

    def an_hour_later(parsed: Any, **_: Any) -> None:
        if "LastModified" in parsed:
            date = format_datetime(parsed["LastModified"] + timedelta(hours=1))
            parsed["ResponseMetadata"]["HTTPHeaders"]["date"] = date

    s3.meta.events.register("after-call.s3.HeadObject", an_hour_later)

    assert len(work.submit()) == 1
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket=BUCKET, Key="deferred/chat/lease.json")


class DiedError(Exception):
    """The process ends here."""


@contextmanager
def dies_at(s3: Any, operation: str) -> Iterator[None]:
    """Let the process end before it sends such a call."""

    def die(**_: Any) -> None:
        raise DiedError

    s3.meta.events.register(f"before-call.s3.{operation}", die)
    with pytest.raises(DiedError):
        yield
    s3.meta.events.unregister(f"before-call.s3.{operation}", die)


def test_what_a_job_was_prepared_of_is_not_answered_as_well(s3: Any, jobs: FakeJobs) -> None:
    work = deferral(s3, jobs)
    ids = defer(work, 3)
    with dies_at(s3, "DeleteObjects"):
        work.submit()

    assert work.send_now(lambda request: request) == 0

    assert len(work.submit()) == 1
    assert sorted(jobs.ids("arn:job/0")) == sorted(ids)


@pytest.mark.parametrize("count", [1, 3])
def test_what_was_answered_is_not_sent_again(s3: Any, jobs: FakeJobs, count: int) -> None:
    work = deferral(s3, jobs)
    defer(work, count)
    heard: list[Mapping[str, Any]] = []

    def call(request: Mapping[str, Any]) -> Mapping[str, Any]:
        heard.append(request)
        return {}

    with dies_at(s3, "DeleteObjects"):
        work.send_now(call)

    # Of three, one is answered: the two others are too few for a job.
    assert work.submit() == ()
    assert work.send_now(call) == count - 1
    assert len(heard) == count


def test_records_that_cannot_be_taken_from_the_spool_are_in_no_job(s3: Any, jobs: FakeJobs) -> None:
    work = deferral(s3, jobs)
    defer(work, 3)

    def deny(parsed: Any, **_: Any) -> None:
        parsed["Errors"] = [{"Key": "some", "Code": "AccessDenied"}]

    s3.meta.events.register("after-call.s3.DeleteObjects", deny)

    with pytest.raises(UndeletedError, match="some is not deleted: AccessDenied"):
        work.submit()
    assert jobs.requests == {}


def test_a_lease_that_is_lost_ends_the_work(s3: Any, jobs: FakeJobs) -> None:
    work = deferral(s3, jobs)
    defer(work, 3)
    heard: list[Mapping[str, Any]] = []

    def call(request: Mapping[str, Any]) -> Mapping[str, Any]:
        heard.append(request)
        s3.put_object(Bucket=BUCKET, Key="deferred/chat/lease.json", Body=b"another's")
        return {}

    with pytest.raises(BusyError, match="was taken over"):
        work.send_now(call)

    assert len(heard) == 1
    body = s3.get_object(Bucket=BUCKET, Key="deferred/chat/lease.json")["Body"].read()
    assert body == b"another's"


def test_the_lease_is_renewed_before_each_record(s3: Any, jobs: FakeJobs) -> None:
    work = deferral(s3, jobs)
    defer(work, 3)
    leases: list[str] = []

    def see(params: Any, **_: Any) -> None:
        if params["Key"].endswith("lease.json"):
            leases.append("IfMatch" if "IfMatch" in params else "IfNoneMatch")

    s3.meta.events.register("provide-client-params.s3.PutObject", see)

    work.send_now(lambda request: request)

    assert leases == ["IfNoneMatch", "IfMatch", "IfMatch", "IfMatch"]


def test_no_job_is_begun_once_the_lease_is_lost(s3: Any, jobs: FakeJobs) -> None:
    work = deferral(s3, jobs)
    defer(work, 3)

    def take_over(params: Any, **_: Any) -> None:
        # The process is slow: before it has written down what it prepares, another one is at it.
        if "/open/" in params["Key"]:
            s3.put_object(Bucket=BUCKET, Key="deferred/chat/lease.json", Body=b"another's")

    s3.meta.events.register("provide-client-params.s3.PutObject", take_over)

    with pytest.raises(BusyError, match="was taken over"):
        work.submit()
    assert jobs.requests == {}


def test_a_job_that_is_refused_for_good_keeps_no_other_waiting(s3: Any, jobs: FakeJobs) -> None:
    work = deferral(s3, jobs)
    refused = defer(work, 3)
    jobs.failures.append(ReadTimeoutError(endpoint_url="https://bedrock"))
    with pytest.raises(ReadTimeoutError):
        work.submit()
    jobs.refusals[jobs.requests.pop("arn:job/0")["jobName"]] = refusal("ValidationException")
    others = defer(work, 3)

    with pytest.raises(ClientError, match="ValidationException"):
        work.submit()

    assert [sorted(jobs.ids(arn)) for arn in jobs.requests] == [sorted(others)]
    found = [work.result(each) for each in refused]
    assert all(each is not None and "ValidationException" in each.error for each in found)
    assert work.submit() == ()


def test_a_job_that_cannot_be_looked_at_keeps_no_other_waiting(s3: Any, jobs: FakeJobs) -> None:
    work = deferral(s3, jobs)
    for _ in range(3):
        defer(work, 3)
        work.submit()
    for arn in jobs.requests:
        jobs.run(arn)
    jobs.refusals["arn:job/1"] = refusal("AccessDeniedException")

    with pytest.raises(ClientError, match="AccessDeniedException"):
        work.collect()

    jobs.refusals.clear()
    assert work.collect() == 3
    assert len(list(work._spool.names("results/"))) == 9


def test_a_job_asks_for_the_same_however_often_it_is_submitted(s3: Any, jobs: FakeJobs) -> None:
    work = deferral(s3, jobs)
    defer(work, 3)
    jobs.failures.append(ReadTimeoutError(endpoint_url="https://bedrock"))
    with pytest.raises(ReadTimeoutError):
        work.submit()
    first = dict(jobs.requests["arn:job/0"])

    changed = replace(BATCHES, model_id="amazon.nova-pro-v1:0", form="InvokeModel")
    Deferral(s3, jobs, changed).submit()  # type: ignore[arg-type]  # what it uses

    assert jobs.requests == {"arn:job/0": first}


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
