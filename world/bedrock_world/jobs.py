"""Batch inference: jobs over files of records, hours later and at half the price."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from bedrock_world.addressing import Addresses
from bedrock_world.catalogue import FoundationModel
from bedrock_world.clock import VirtualClock
from bedrock_world.errors import BedrockError, not_found, validation
from bedrock_world.idempotency import TokenMemory
from bedrock_world.inference import Inference
from bedrock_world.naming import Names
from bedrock_world.paging import BadTokenError, page
from bedrock_world.settings import Config
from bedrock_world.tagging import Tags, check_tags

_CREATE = "CreateModelInvocationJob"


class Store(Protocol):
    """Where batch jobs find their records and leave their answers."""

    def read(self, uri: str) -> str:
        """The object at an `s3://` address.

        Raises:
            KeyError: there is none.
        """

    def write(self, uri: str, text: str) -> None:
        """Put an object."""


@dataclass(slots=True, kw_only=True)
class _Job:
    """One job as it was asked for, and what became of it."""

    arn: str
    params: Mapping[str, Any]
    submitted_at: datetime
    ends_at: datetime
    status: str = ""
    message: str = ""
    succeeded: int = 0
    failed: int = 0


class Jobs:
    """Create, Get and List of model invocation jobs; a job is worked on when it is looked at."""

    def __init__(
        self,
        config: Config,
        clock: VirtualClock,
        *,
        addresses: Addresses,
        inference: Inference,
        names: Names,
        tags: Tags,
        tokens: TokenMemory,
    ) -> None:
        self.store: Store | None = None
        self._config = config
        self._clock = clock
        self._addresses = addresses
        self._inference = inference
        self._names = names
        self._tags = tags
        self._tokens = tokens
        self._jobs: dict[str, _Job] = {}
        tags.serve(lambda arn: arn in self._jobs)

    def create_model_invocation_job(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`CreateModelInvocationJob`: of a model or a profile, never of provisioned throughput."""
        now = self._clock.now()
        replay = self._tokens.replay(_CREATE, params, now)
        if replay is not None:
            return replay
        check_tags(params.get("tags", ()))
        self._model(params["modelId"])
        if any(job.params["jobName"] == params["jobName"] for job in self._jobs.values()):
            raise validation("The provided job name is currently in use.")
        if not 24 <= params.get("timeoutDurationInHours", 24) <= 168:  # noqa: PLR2004 - AWS's bounds
            raise validation("timeoutDurationInHours must be from 24 to 168.")
        arn = self._names.owned("model-invocation-job", self._names.draw("model-invocation-job"))
        ends_at = now + self._config.current.batch_time
        self._jobs[arn] = _Job(arn=arn, params=dict(params), submitted_at=now, ends_at=ends_at)
        self._tags.put(arn, params.get("tags", ()))
        answer = {"jobArn": arn}
        self._tokens.remember(_CREATE, params, answer, now)
        return answer

    def get_model_invocation_job(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`GetModelInvocationJob`, by ARN or id."""
        identifier = params["jobIdentifier"]
        job = next(
            (j for j in self._jobs.values() if identifier in {j.arn, j.arn.rsplit("/")[-1]}), None
        )
        if job is None:
            raise not_found(f"The job {identifier} was not found.")
        return self._shown(job)

    def list_model_invocation_jobs(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`ListModelInvocationJobs` by a part of the name; the other filters are not modelled."""
        unknown = params.keys() - {"nameContains", "maxResults", "nextToken"}
        if unknown:
            raise validation(f"The Bedrock world filters no jobs by {', '.join(sorted(unknown))}.")
        ranked = [
            (f"{index:08}", self._shown(job))
            for index, job in enumerate(self._jobs.values())
            if params.get("nameContains", "") in job.params["jobName"]
        ]
        size = params.get("maxResults", self._config.current.page_size)
        try:
            part = page(ranked, size, params.get("nextToken"), of="ListModelInvocationJobs")
        except BadTokenError as error:
            raise validation("The provided next token is invalid.") from error
        token = {"nextToken": part.next_token} if part.next_token else {}
        return {"invocationJobSummaries": list(part.items), **token}

    def _shown(self, job: _Job) -> dict[str, Any]:
        now = self._clock.now()
        if not job.status and now >= job.ends_at:
            self._finish(job)
        names = ("jobName", "modelId", "roleArn", "inputDataConfig", "outputDataConfig")
        return {
            "jobArn": job.arn,
            **{name: job.params[name] for name in names},
            "status": job.status or ("InProgress" if now > job.submitted_at else "Submitted"),
            "message": job.message,
            "submitTime": job.submitted_at,
            "totalRecordCount": job.succeeded + job.failed,
            "successRecordCount": job.succeeded,
            "errorRecordCount": job.failed,
        }

    def _model(self, model_id: str) -> FoundationModel:
        """The model of a job.

        Raises:
            BedrockError: a job cannot be made of this.
        """
        ways = ("provisioned-model/", "custom-model-deployment/", "imported-model/", "endpoint/")
        if any(way in model_id for way in ways):
            raise validation("Batch inference is not supported for this model.")
        return self._addresses.resolve(model_id).base

    def _finish(self, job: _Job) -> None:
        """Answer every record, or fail as a whole where the records are too few."""
        source = job.params["inputDataConfig"]["s3InputDataConfig"]["s3Uri"]
        try:
            lines = self.store.read(source).splitlines() if self.store else []
        except KeyError:
            job.status, job.message = "Failed", f"{source} could not be read"
            return
        least = self._config.current.batch_min_records
        if len(lines) < least:
            job.status = "Failed"
            job.message = f"The job has {len(lines)} records, at least {least} are needed"
            return
        answers = [self._answer(job, json.loads(line)) for line in lines]
        target = job.params["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"].rstrip("/")
        name = source.rsplit("/", maxsplit=1)[-1]
        text = "\n".join(json.dumps(answer) for answer in answers) + "\n"
        if self.store is not None:
            self.store.write(f"{target}/{job.arn.rsplit('/', maxsplit=1)[-1]}/{name}.out", text)
        job.status = "PartiallyCompleted" if job.failed else "Completed"

    def _answer(self, job: _Job, record: dict[str, Any]) -> dict[str, Any]:
        """One record with its output, or with an error."""
        try:
            output = self._inference.answer_record(
                self._model(job.params["modelId"]),
                record["modelInput"],
                converse=job.params.get("modelInvocationType") == "Converse",
            )
        except (BedrockError, KeyError) as error:
            job.failed += 1
            return {**record, "error": {"errorCode": 400, "errorMessage": str(error)}}
        job.succeeded += 1
        return {**record, "modelOutput": output}
