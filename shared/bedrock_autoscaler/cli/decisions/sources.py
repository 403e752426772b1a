"""Where the decision commands read: the live ledger table of a stack, or an export of one.

An export has one DynamoDB item a line, `{"Item": {...}}`, as DynamoDB itself exports tables to
S3 in its JSON format; so an export made there can be read here too, gzipped or not.
"""

import base64
import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from bedrock_autoscaler.adapters.clock import clock_at
from bedrock_autoscaler.adapters.storage.decisions import DynamoDecisions
from bedrock_autoscaler.adapters.storage.fleets import DynamoFleets
from bedrock_autoscaler.adapters.storage.history import DynamoHistory
from bedrock_autoscaler.adapters.storage.table import Table
from bedrock_autoscaler.application.ports.clock import Clock
from bedrock_autoscaler.application.ports.decisions import Decisions
from bedrock_autoscaler.application.ports.history import History
from bedrock_autoscaler.application.ports.ledger import Fleets
from bedrock_autoscaler.cli.output import CommandError
from bedrock_autoscaler.cli.unreached import unreached
from bedrock_autoscaler.domain.target import Loop, Target
from bedrock_autoscaler.domain.units import MINUTE
from bedrock_autoscaler.report.record import Sources

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_EXPORT = "export"
_VERSIONS = "VERSION#"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """A ledger to read from.

    Attributes:
        targets: names of all targets that were ever decided upon.
        policy: a target by its name and a settings version of its decisions.
        clock: the stack's own; None for an export, which stands still.
    """

    decisions: Decisions
    history: History
    fleets: Fleets
    targets: tuple[str, ...]
    policy: Callable[[str, str], Target]
    clock: Clock | None = None

    @property
    def sources(self) -> Sources:
        """What reports read."""
        return Sources(
            decisions=self.decisions, history=self.history, fleets=self.fleets, policy=self.policy
        )

    def now(self) -> datetime:
        """The stack's time; of an export the minute after its newest decision.

        Raises:
            CommandError: there is no decision at all.
        """
        if self.clock is not None:
            return self.clock.now()
        newest = [
            recorded.decision.scheduled_at
            for name in self.targets
            for loop in Loop
            if (recorded := self.decisions.latest(name, loop)) is not None
        ]
        if not newest:
            raise CommandError("the export holds no decision")
        return max(newest) + MINUTE


def open_export(path: Path) -> Ledger:
    """The ledger in an export file.

    Raises:
        CommandError: the file cannot be read or is no export.
    """
    return open_table(cast("DynamoDBClient", _ExportedTable(_read_items(path))), _EXPORT)


def open_stack(stack: str) -> Ledger:
    """The live ledger of a deployed stack; Region, keys and endpoint as the SDK finds them.

    Raises:
        CommandError: the stack cannot be found.
    """
    import boto3  # noqa: PLC0415 - an export needs no SDK client

    try:
        described = boto3.client("cloudformation").describe_stacks(StackName=stack)
        outputs = described["Stacks"][0].get("Outputs", [])
        given = described["Stacks"][0].get("Parameters", [])
        client = boto3.client("dynamodb")
    except (BotoCoreError, ClientError) as error:
        raise unreached(stack, error, others=", or an export with --from") from error
    names = [o["OutputValue"] for o in outputs if o["OutputKey"] == "LedgerTableName"]
    if not names:
        raise CommandError(f"stack {stack!r} has no output LedgerTableName; is it the autoscaler?")
    endpoints = [p["ParameterValue"] for p in given if p["ParameterKey"] == "ClockEndpoint"]
    clock = clock_at(next(filter(None, endpoints), None))
    return open_table(client, names[0], clock=clock)


def open_table(client: "DynamoDBClient", table: str, *, clock: Clock | None = None) -> Ledger:
    """The ledger in a table."""
    versions = Table(client, table).query(
        "SETTINGS", first=_VERSIONS, last=f"{_VERSIONS}~", attributes=("sk",)
    )
    targets = {item["sk"].removeprefix(_VERSIONS).rpartition("#")[0] for item in versions}
    decisions = DynamoDecisions(client, table)
    return Ledger(
        decisions=decisions,
        history=DynamoHistory(client, table),
        fleets=DynamoFleets(client, table),
        targets=tuple(sorted(targets)),
        policy=decisions.policy,
        clock=clock,
    )


def write_export(client: "DynamoDBClient", table: str, path: Path) -> int:
    """Export a whole ledger table to a gzipped file; how many items."""
    pages = client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    items = sorted(
        (item for page in pages for item in page["Items"]),
        key=lambda item: (item["pk"]["S"], item["sk"]["S"]),
    )
    lines = [json.dumps({"Item": _to_text(item)}, separators=(",", ":")) for item in items]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0))
    return len(lines)


class _ExportedTable:
    """Answers the two reads that the ledger's adapters make, from memory."""

    def __init__(self, items: Mapping[tuple[str, str], Mapping[str, Any]]) -> None:
        self._items = items

    def get_item(self, *, Key: Mapping[str, Any], **_: object) -> dict[str, Any]:  # noqa: N803 - the SDK's name
        """One item by its key."""
        found = self._items.get((Key["pk"]["S"], Key["sk"]["S"]))
        return {"Item": found} if found is not None else {}

    def query(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - the SDK's request
        """Items of one partition whose sort key lies between two."""
        values = request["ExpressionAttributeValues"]
        pk, first, last = (values[name]["S"] for name in (":pk", ":first", ":last"))
        keys = sorted(key for key in self._items if key[0] == pk and first <= key[1] <= last)
        if not request.get("ScanIndexForward", True):
            keys.reverse()
        return {"Items": [self._items[key] for key in keys[: request.get("Limit")]]}


def _read_items(path: Path) -> dict[tuple[str, str], Mapping[str, Any]]:
    items: dict[tuple[str, str], Mapping[str, Any]] = {}
    for line, text in _lines(path):
        try:
            item = {name: _from_text(value) for name, value in json.loads(text)["Item"].items()}
            items[item["pk"]["S"], item["sk"]["S"]] = item
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CommandError(
                f"{path}: line {line}: is not an item of a DynamoDB export; write one with the"
                " demo, or export the ledger table to S3 in DynamoDB JSON"
            ) from error
    return items


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CommandError(f"{path}: cannot be read: {reason}") from error
    return ((k, line) for k, line in enumerate(text.splitlines(), start=1) if line.strip())


def _to_text(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item with its bytes in base 64, as DynamoDB's JSON has them."""
    return {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value
        for name, value in item.items()
    }


def _from_text(value: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"B": base64.b64decode(value["B"], validate=True)} if "B" in value else value
