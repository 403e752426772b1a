"""Rows of docs/options.md for work that waits: batch jobs, by the table and over HTTP."""

import json
from datetime import timedelta
from typing import Any

from bedrock_autoscaler.client import FollowedTable
from bedrock_autoscaler.client.deferring import Batches, Deferral
from bedrock_autoscaler.client.document import routing_table_text
from bedrock_autoscaler.domain.target import OptionKind
from bedrock_world.server import RunningWorld
from tests.client.batches import BUCKET
from tests.client.caller import ACCOUNT, Build, metered, table_of, target_of
from tests.client.stage import MemorySource, at_once
from tests.world.support import HELLO, NOVA_LITE, NOVA_LITE_PROFILE


class S3Store:
    """The world's way to the emulated S3."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def read(self, uri: str) -> str:
        text: str = self._s3.get_object(**self._place(uri))["Body"].read().decode()
        return text

    def write(self, uri: str, text: str) -> None:
        self._s3.put_object(**self._place(uri), Body=text.encode())

    def _place(self, uri: str) -> dict[str, str]:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return {"Bucket": bucket, "Key": key}


def test_batch(build: Build, control: Any, s3: Any) -> None:
    world = build()
    ways = (
        {"kind": "on_demand", "address": NOVA_LITE},
        {"kind": "batch", "address": NOVA_LITE_PROFILE},
    )
    table = table_of(target_of(*ways, slo={"deferrable_share": 1.0}))
    assert [route.kind for route in table.deferrable] == [OptionKind.BATCH]
    world.jobs.store = S3Store(s3)
    batches = Batches(
        bucket=BUCKET,
        prefix="deferred/chat",
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/batch",
        model_id=NOVA_LITE,
    )
    source = MemorySource(routing_table_text(table))
    followed = FollowedTable(source, "chat", start=at_once)
    work = Deferral(s3, control, batches, followed)
    ids = [work.defer({"messages": HELLO}) for _ in range(100)]

    work.submit()
    work.collect()
    assert work.result(ids[0]) is None
    world.advance(timedelta(hours=2))
    work.collect()

    outputs = [work.result(each) for each in ids]
    assert all(found is not None and found.output is not None for found in outputs)
    # Nothing of it took the quota of calls.
    assert metered(world, NOVA_LITE_PROFILE) == 0


def test_a_job_with_too_few_records_fails(
    build: Build, running: RunningWorld, control: Any
) -> None:
    world = build()

    class OneRecord:
        def read(self, uri: str) -> str:
            return json.dumps({"recordId": "1", "modelInput": {"messages": HELLO}})

        def write(self, uri: str, text: str) -> None:
            raise AssertionError(uri)

    world.jobs.store = OneRecord()
    job = control.create_model_invocation_job(
        jobName="nightly",
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/batch",
        modelId=NOVA_LITE,
        inputDataConfig={"s3InputDataConfig": {"s3Uri": "s3://team/in.jsonl"}},
        outputDataConfig={"s3OutputDataConfig": {"s3Uri": "s3://team/out/"}},
    )["jobArn"]
    world.advance(timedelta(hours=3))

    shown = control.get_model_invocation_job(jobIdentifier=job)

    assert shown["status"] == "Failed"
    assert "at least 100 are needed" in shown["message"]
