"""Work that may wait: spooled to the caller's bucket, sent as batch jobs, fetched by id.

Everything is stored and submitted with the caller's credentials; the controller has no part in it.
`defer` may be called anywhere; `submit` and `collect` belong into one scheduled process.
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from bedrock_autoscaler.client.spool import Keep, Spool, dump
from bedrock_autoscaler.client.tables import FollowedTable
from bedrock_autoscaler.domain.target import OptionKind

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_s3 import S3Client

_ENDED = frozenset({"Completed", "PartiallyCompleted", "Failed", "Stopped", "Expired"})
_NOT_PROCESSED = "NotProcessed"
_REFUSED_FOR_GOOD = frozenset({"ValidationException", "ResourceNotFoundException"})
"""What Bedrock would say again of the same job, however often it is asked."""
_NAME_IN_USE = frozenset({"ConflictException", "ValidationException"})
"""What may mean that Bedrock has a job of this name; its documentation does not say which."""
_FAILURES = (BotoCoreError, ClientError, ValueError)
"""What may befall one job and need not keep the others waiting."""
_TURN = timedelta(minutes=15)
"""Longest time between two renewals of the lease, and so of a single call by `send_now`."""
_BETWEEN_RENEWALS = 100
"""Records that are read or stored meanwhile; each takes some hundredths of a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """Where deferred work is kept, and within what bounds it becomes a job.

    Attributes:
        bucket, prefix: the caller's own; results hold answers, so protect and expire them.
        role_arn: role that Bedrock takes to read the input and to write the output.
        model_id: model to use unless the table names a batch route; never a PT.
        form: how requests are written: as for `converse` (without `modelId`), or as native bodies.
        min_records: Bedrock refuses smaller jobs. Source: quota "Minimum number of records per
            batch inference job", AWS General Reference.
        max_records: of one job; AWS has a quota per model, so this may have to be lower.
        max_bytes: of one job's input, which is held in memory; Bedrock's bound is 1 GB a file. A
            record may have its share of them among `min_records`, so that any of them fit a job.
        timeout_hours: 24 to 168; what is not done by then has expired.
    """

    bucket: str
    prefix: str
    role_arn: str
    model_id: str
    form: Literal["Converse", "InvokeModel"] = "Converse"
    min_records: int = 100
    max_records: int = 10_000
    max_bytes: int = 100_000_000
    timeout_hours: int = 24

    @property
    def record_bytes(self) -> int:
        """The most that one record may have, the end of its line included."""
        return self.max_bytes // self.min_records

    def __post_init__(self) -> None:
        """Refuse bounds that no job could keep."""
        if not 1 <= self.min_records <= self.max_records:
            raise ValueError(
                f"min_records {self.min_records} must be 1 to max_records {self.max_records}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one deferred request: `output`, or `error`, an error code with its message."""

    output: Mapping[str, Any] | None = None
    error: str = ""


class Deferral:
    """Deferred work of one target.

    Args:
        s3: with `s3:GetObject`, `PutObject`, `DeleteObject` and `ListBucket` on the prefix.
        bedrock: control plane of the Region, with `bedrock:CreateModelInvocationJob`,
            `GetModelInvocationJob` and `ListModelInvocationJobs`, and `iam:PassRole` on the role.
        table: names the model for batches, where its `deferrable` routes have one.
    """

    def __init__(
        self,
        s3: "S3Client",
        bedrock: "BedrockClient",
        batches: Batches,
        table: FollowedTable | None = None,
    ) -> None:
        self._spool = Spool(s3, batches.bucket, batches.prefix)
        self._bedrock = bedrock
        self._batches = batches
        self._table = table

    def defer(self, request: Mapping[str, Any]) -> str:
        """Spool a request; the id to fetch its result by.

        Raises:
            ValueError: it is larger than `max_bytes` allow each of `min_records`.
        """
        record_id = uuid.uuid4().hex
        line = dump({"recordId": record_id, "modelInput": request})
        size, most = len(line.encode()) + 1, self._batches.record_bytes
        if size > most:
            raise ValueError(
                f"the request has {size} bytes, and a record may have {most}: a job's "
                f"{self._batches.max_bytes} among {self._batches.min_records}"
            )
        self._spool.put(f"spool/{record_id}.json", line)
        return record_id

    def result(self, record_id: str) -> Result | None:
        """What came of a request; None while it waits, and for an id that was never given."""
        text = self._spool.get(f"results/{record_id}.json")
        if text is None:
            return None
        stored = json.loads(text)
        return Result(output=stored.get("output"), error=stored.get("error", ""))

    def submit(self) -> tuple[str, ...]:
        """Send what waits, and what an interrupted run has prepared; names of the jobs begun.

        Fewer than `min_records` keep waiting. A job's name and its token follow from its records,
        so that a run that is interrupted anywhere and repeated pays once. A job that Bedrock
        refuses for good leaves an error for each of its records.

        Raises:
            BusyError: another process is submitting or collecting, or has taken over.
            ClientError, BotoCoreError: a job could not be begun, and all others were tried; what
                is not refused for good the next run tries again. Or S3 failed.
            UndeletedError: records could not be taken from the spool; they are in no job that was
                begun.
        """
        begun: list[str] = []
        failures: list[Exception] = []
        with self._spool.turn(_TURN) as keep:
            for job in self._waiting(keep):
                try:
                    keep()
                    self._begin(job, keep)
                    begun.append(job)
                except _FAILURES as error:
                    failures.append(error)
        _raise_first(failures)
        return tuple(begun)

    def collect(self) -> int:
        """Store the results of jobs that have ended; how many results there are.

        Raises:
            BusyError: another process is submitting or collecting, or has taken over.
            ClientError, BotoCoreError: of a job, after all others were looked at.
        """
        stored = 0
        failures: list[Exception] = []
        with self._spool.turn(_TURN) as keep:
            for job, state in self._open():
                if "arn" not in state:
                    continue
                try:
                    stored += self._close(job, state["arn"], keep)
                except _FAILURES as error:
                    failures.append(error)
        _raise_first(failures)
        return stored

    def send_now(self, call: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> int:
        """Let `call` answer what waits, one by one, for work that will not fill a job; how many.

        What a job was prepared of is left to `submit`.

        Raises:
            BusyError: another process is submitting or collecting, or has taken over.
            UndeletedError: what was answered, or put into a job, could not be deleted.
        """
        sent = 0
        with self._spool.turn(_TURN) as keep:
            self._prepared()
            for name in list(self._spool.names("spool/")):
                keep()
                text = self._unanswered(name)
                if text is None:
                    continue
                record = json.loads(text)
                self._store(record["recordId"], {"output": call(record["modelInput"])})
                self._spool.delete([name])
                sent += 1
        return sent

    # -- jobs ----------------------------------------------------------------------------------

    def _open(self) -> list[tuple[str, dict[str, Any]]]:
        """Jobs that are not collected, with what is known of each."""
        found = []
        for name in self._spool.names("open/"):
            state = json.loads(self._spool.get(name) or "{}")
            found.append((name.removeprefix("open/").removesuffix(".json"), state))
        return found

    def _waiting(self, keep: Keep) -> Iterator[str]:
        """Jobs to begin: those that an interrupted run has prepared, then what fills new ones."""
        yield from self._prepared()
        for records in self._chunks(keep):
            keep()
            yield self._prepare(records)

    def _prepared(self) -> list[str]:
        """Jobs that may not have begun; the spool has none of what they are made of."""
        found = [job for job, state in self._open() if "arn" not in state]
        for job in found:
            self._take(self._records_of(job))
        return found

    def _records_of(self, job: str) -> Iterator[str]:
        """Ids of the records that a job is made of."""
        for line in self._spool.lines(f"batches/{job}/input.jsonl"):
            yield json.loads(line)["recordId"]

    def _take(self, ids: Iterable[str]) -> None:
        """Delete records from the spool: from here on a job's own input is where they are."""
        self._spool.delete(f"spool/{record_id}.json" for record_id in ids)

    def _unanswered(self, name: str) -> str | None:
        """The line of a record that waits; one that a stopped run has answered waits no more."""
        if self._spool.has(name.replace("spool/", "results/", 1)):
            self._spool.delete([name])
            return None
        return self._spool.get(name)

    def _chunks(self, keep: Keep) -> Iterator[list[tuple[str, str]]]:
        """Ids and lines of the records that wait, as many at a time as one job takes.

        A record that is larger than one may be, as of wider bounds before, is left where it is.
        """
        chunk: list[tuple[str, str]] = []
        size = 0
        for name in _renewing(list(self._spool.names("spool/")), keep):
            line = self._unanswered(name)
            length = 0 if line is None else len(line.encode()) + 1
            if line is None or length > self._batches.record_bytes:
                continue
            full = len(chunk) == self._batches.max_records
            if full or size + length > self._batches.max_bytes:
                yield chunk
                chunk, size = [], 0
            chunk.append((json.loads(line)["recordId"], line))
            size += length
        if len(chunk) >= self._batches.min_records:
            yield chunk

    def _prepare(self, records: Sequence[tuple[str, str]]) -> str:
        """Write the records of a job down as its own, and take them from the spool; its name."""
        ids = [record_id for record_id, _ in records]
        job = "job-" + hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()[:24]
        text = "\n".join(line for _, line in records) + "\n"
        self._spool.put(f"batches/{job}/input.jsonl", text)
        asked = {"modelId": self._model_id(), "form": self._batches.form}
        self._spool.put(f"open/{job}.json", dump(asked))
        self._take(ids)
        return job

    def _begin(self, job: str, keep: Keep) -> None:
        """Create the job that was prepared.

        Raises:
            ClientError: Bedrock refused; where it would again, the records have their results.
        """
        # The same token has to ask for the same, whatever the table says by now.
        asked = json.loads(self._spool.get(f"open/{job}.json") or "{}")
        try:
            arn = self._create(job, asked)["jobArn"]
        except ClientError as error:
            code = error.response["Error"]["Code"]
            # A token is forgotten one day, a name is not: an earlier run may have begun the job.
            begun = self._arn_of(job) if code in _NAME_IN_USE else None
            if begun is None:
                if code in _REFUSED_FOR_GOOD:
                    self._give_up(job, error, keep)
                raise
            arn = begun
        self._spool.put(f"open/{job}.json", dump({**asked, "arn": arn}))

    def _arn_of(self, job: str) -> str | None:
        """The job that Bedrock has by this name; None when it has none."""
        pages = self._bedrock.get_paginator("list_model_invocation_jobs").paginate(nameContains=job)
        found = (each for page in pages for each in page.get("invocationJobSummaries", ()))
        return next((each["jobArn"] for each in found if each["jobName"] == job), None)

    def _create(self, job: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        data = self._spool.uri(f"batches/{job}/input.jsonl")
        output = self._spool.uri(f"batches/{job}/output/")
        return self._bedrock.create_model_invocation_job(
            jobName=job,
            clientRequestToken=job,
            roleArn=self._batches.role_arn,
            modelId=asked.get("modelId") or self._model_id(),
            modelInvocationType=asked.get("form") or self._batches.form,
            inputDataConfig={"s3InputDataConfig": {"s3InputFormat": "JSONL", "s3Uri": data}},
            outputDataConfig={"s3OutputDataConfig": {"s3Uri": output}},
            timeoutDurationInHours=self._batches.timeout_hours,
        )

    def _give_up(self, job: str, error: ClientError, keep: Keep) -> None:
        """Leave Bedrock's refusal as the result of each of the job's records."""
        told = error.response["Error"]
        refusal = f"{told.get('Code', 'Unknown')}: {told.get('Message', '')}"
        for record_id in _renewing(self._records_of(job), keep):
            self._store(record_id, {"error": refusal})
        self._spool.delete([f"open/{job}.json"])

    def _model_id(self) -> str:
        table = self._table.current() if self._table is not None else None
        named = [
            route.address
            for route in (table.deferrable if table else ())
            if route.kind is OptionKind.BATCH and route.region in {"", self._region}
        ]
        return named[0] if named else self._batches.model_id

    @property
    def _region(self) -> str:
        return self._bedrock.meta.region_name

    def _close(self, job: str, arn: str, keep: Keep) -> int:
        """Store a job's results when it has ended; how many."""
        status = self._bedrock.get_model_invocation_job(jobIdentifier=arn)["status"]
        if status not in _ENDED:
            return 0
        missing = set(self._records_of(job))
        stored = len(missing)
        for name in self._spool.names(f"batches/{job}/output/"):
            if not name.endswith(".jsonl.out"):
                continue
            for line in _renewing(self._spool.lines(name), keep):
                record = json.loads(line)
                if record.get("recordId") in missing:
                    missing.discard(record["recordId"])
                    self._store(record["recordId"], _outcome(record))
        for record_id in _renewing(sorted(missing), keep):
            self._store(record_id, {"error": f"{_NOT_PROCESSED}: the job is {status}"})
        self._spool.delete([f"open/{job}.json"])
        return stored

    def _store(self, record_id: str, outcome: Mapping[str, Any]) -> None:
        self._spool.put(f"results/{record_id}.json", dump(outcome))


def _outcome(record: Mapping[str, Any]) -> dict[str, Any]:
    """The part of an output line that is kept: the answer, or the error; not the request."""
    if "modelOutput" in record:
        return {"output": record["modelOutput"]}
    error = record.get("error") or {}
    return {"error": f"{error.get('errorCode', 'Unknown')}: {error.get('errorMessage', '')}"}


def _renewing[T](items: Iterable[T], keep: Keep) -> Iterator[T]:
    """The items, with the lease renewed before each hundred."""
    for number, item in enumerate(items):
        if number % _BETWEEN_RENEWALS == 0:
            keep()
        yield item


def _raise_first(failures: Sequence[Exception]) -> None:
    """Raise the first of what befell single jobs, with how many more there were."""
    if failures:
        first, *others = failures
        for other in others:
            first.add_note(f"and of another job: {other}")
        raise first
