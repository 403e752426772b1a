"""Deferred work interrupted anywhere, or met by another process: neither lost nor paid twice."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from bedrock_autoscaler.client.deferring import Deferral
from bedrock_autoscaler.client.spool import BusyError, UndeletedError
from tests.client.batches import BATCHES, BUCKET, FakeJobs, defer, deferral
from tests.client.refusals import refusal


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


def _lost_answer(work: Deferral, jobs: FakeJobs) -> list[str]:
    """Records of a job whose creation had no answer, so long ago that its token is forgotten."""
    ids = defer(work, 3)
    jobs.failures.append(ReadTimeoutError(endpoint_url="https://bedrock"))
    with pytest.raises(ReadTimeoutError):
        work.submit()
    jobs.forget_tokens()
    return ids


def test_a_job_begun_under_a_token_long_forgotten_is_known_by_its_name(
    s3: Any, jobs: FakeJobs
) -> None:
    work = deferral(s3, jobs)
    ids = _lost_answer(work, jobs)

    assert len(work.submit()) == 1

    jobs.run("arn:job/0")
    assert work.collect() == 3
    assert [result.error for each in ids if (result := work.result(each))] == ["", "", ""]
    assert list(jobs.requests) == ["arn:job/0"]


def test_a_job_whose_name_cannot_be_looked_up_is_not_given_up(s3: Any, jobs: FakeJobs) -> None:
    work = deferral(s3, jobs)
    ids = _lost_answer(work, jobs)
    jobs.is_list_denied = True
    with pytest.raises(ClientError, match="AccessDeniedException"):
        work.submit()
    waiting = [work.result(each) for each in ids]
    jobs.is_list_denied = False

    assert waiting == [None, None, None]
    assert len(work.submit()) == 1
    assert list(jobs.requests) == ["arn:job/0"]


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
