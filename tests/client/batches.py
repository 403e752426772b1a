"""A spool in an emulated bucket, and batch inference that a test lets run."""

import json
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.validate import ParamValidator

from bedrock_autoscaler.client.deferring import Batches, Deferral
from tests.client.refusals import refusal
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
        self.is_list_denied = False

    def create_model_invocation_job(self, **request: Any) -> dict[str, str]:
        report = ParamValidator().validate(request, self._shape)
        assert not report.has_errors(), report.generate_report()
        if request["jobName"] in self.refusals:
            raise self.refusals[request["jobName"]]
        token = request["clientRequestToken"]
        known = self._by_token.get(token)
        if known is None and self._named(request["jobName"]):
            raise refusal("ValidationException")
        arn = known or f"arn:job/{len(self.requests)}"
        self._by_token[token], self.requests[arn] = arn, request
        self.statuses.setdefault(arn, "Submitted")
        if self.failures:
            raise self.failures.pop()
        return {"jobArn": arn}

    def forget_tokens(self) -> None:
        """Their lifetime is over."""
        self._by_token.clear()

    def get_paginator(self, operation: str) -> "FakeJobs":
        assert operation == "list_model_invocation_jobs"
        return self

    def paginate(self, *, nameContains: str) -> list[dict[str, Any]]:  # noqa: N803 - boto3's name
        if self.is_list_denied:
            raise refusal("AccessDeniedException")
        return [{"invocationJobSummaries": [each]} for each in self._named(nameContains)]

    def _named(self, part: str) -> list[dict[str, str]]:
        return [
            {"jobArn": arn, "jobName": request["jobName"]}
            for arn, request in self.requests.items()
            if part in request["jobName"]
        ]

    def get_model_invocation_job(self, *, jobIdentifier: str) -> dict[str, str]:  # noqa: N803 - boto3's name
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


def deferral(s3: Any, jobs: Any, **options: Any) -> Deferral:
    return Deferral(s3, jobs, BATCHES, **options)


def defer(work: Deferral, count: int) -> list[str]:
    return [
        work.defer({"messages": [{"role": "user", "content": [{"text": f"{i}"}]}]})
        for i in range(count)
    ]
