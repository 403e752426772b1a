"""Work that may wait: spooled to the caller's bucket, sent as batch jobs, fetched by id.

Everything is stored and submitted with the caller's credentials; the controller has no part in it.
`defer` may be called anywhere; `submit` and `collect` belong into one scheduled process.
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from bedrock_autoscaler.client.spool import Spool, dump
from bedrock_autoscaler.client.tables import FollowedTable
from bedrock_autoscaler.domain.target import OptionKind

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_s3 import S3Client

_ENDED = frozenset({"Completed", "PartiallyCompleted", "Failed", "Stopped", "Expired"})
_NOT_PROCESSED = "NotProcessed"
_TURN = timedelta(minutes=15)


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
        max_bytes: of one job's input, which is held in memory; Bedrock's bound is 1 GB a file.
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
        bedrock: control plane of the Region, with `bedrock:CreateModelInvocationJob` and
            `GetModelInvocationJob`, and `iam:PassRole` on the role.
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
            ValueError: it is larger than a whole job may be.
        """
        record_id = uuid.uuid4().hex
        line = dump({"recordId": record_id, "modelInput": request})
        size = len(line.encode())
        if size > self._batches.max_bytes:
            raise ValueError(
                f"the request has {size} bytes, a job may have {self._batches.max_bytes}"
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
        so that a run that is interrupted anywhere and repeated pays once.

        Raises:
            BusyError: another process is submitting or collecting.
        """
        with self._spool.turn(_TURN):
            begun = [self._begin(job) for job, state in self._open() if "arn" not in state]
            begun += [self._begin(self._prepare(records)) for records in self._chunks()]
        return tuple(begun)

    def collect(self) -> int:
        """Store the results of jobs that have ended; how many results there are.

        Raises:
            BusyError: another process is submitting or collecting.
        """
        with self._spool.turn(_TURN):
            return sum(
                self._close(job, state["arn"]) for job, state in self._open() if "arn" in state
            )

    def send_now(self, call: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> int:
        """Let `call` answer what waits, one by one, for work that will not fill a job; how many.

        Raises:
            BusyError: another process is submitting or collecting.
        """
        sent = 0
        with self._spool.turn(_TURN):
            for name in list(self._spool.names("spool/")):
                record = json.loads(self._spool.get(name) or "{}")
                if record:
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

    def _chunks(self) -> Iterator[list[tuple[str, str]]]:
        """Ids and lines of the records that wait, as many at a time as one job takes."""
        chunk: list[tuple[str, str]] = []
        size = 0
        for name in list(self._spool.names("spool/")):
            line = self._spool.get(name)
            if line is None:
                continue
            length = len(line.encode()) + 1
            full = len(chunk) == self._batches.max_records
            if len(chunk) >= self._batches.min_records and (
                full or size + length > self._batches.max_bytes
            ):
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
        self._spool.put(f"open/{job}.json", dump({}))
        return job

    def _begin(self, job: str) -> str:
        """Create the job that was prepared; its name."""
        data = f"batches/{job}/input.jsonl"
        # From here on the job's own input is where they are.
        ids = [json.loads(line)["recordId"] for line in self._spool.lines(data)]
        self._spool.delete(f"spool/{record_id}.json" for record_id in ids)
        created = self._bedrock.create_model_invocation_job(
            jobName=job,
            clientRequestToken=job,
            roleArn=self._batches.role_arn,
            modelId=self._model_id(),
            modelInvocationType=self._batches.form,
            inputDataConfig={
                "s3InputDataConfig": {"s3InputFormat": "JSONL", "s3Uri": self._spool.uri(data)}
            },
            outputDataConfig={
                "s3OutputDataConfig": {"s3Uri": self._spool.uri(f"batches/{job}/output/")}
            },
            timeoutDurationInHours=self._batches.timeout_hours,
        )
        self._spool.put(f"open/{job}.json", dump({"arn": created["jobArn"]}))
        return job

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

    def _close(self, job: str, arn: str) -> int:
        """Store a job's results when it has ended; how many."""
        status = self._bedrock.get_model_invocation_job(jobIdentifier=arn)["status"]
        if status not in _ENDED:
            return 0
        data = f"batches/{job}/input.jsonl"
        missing = {json.loads(line)["recordId"] for line in self._spool.lines(data)}
        stored = len(missing)
        for name in self._spool.names(f"batches/{job}/output/"):
            if not name.endswith(".jsonl.out"):
                continue
            for line in self._spool.lines(name):
                record = json.loads(line)
                if record.get("recordId") in missing:
                    missing.discard(record["recordId"])
                    self._store(record["recordId"], _outcome(record))
        for record_id in sorted(missing):
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
