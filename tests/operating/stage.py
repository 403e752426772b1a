"""One emulated account, on which the command line is run as a person runs it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from bedrock_autoscaler.adapters.storage.decisions import DynamoDecisions
from bedrock_autoscaler.adapters.storage.last_good import DynamoLastGood
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.cli.app import run
from bedrock_autoscaler.cli.stack import StackAccess, find_stack
from bedrock_world.inprocess import answering
from bedrock_world.settings import WorldSettings
from bedrock_world.world import World
from tests.bedrock_stage import OWN, POOL
from tests.builders import ACCOUNT, NOW, REGION
from tests.functions.account import BY_WORLD, PREFIX, SETTINGS, TABLES, VARIABLES
from tests.functions.stacks import Stacks
from tests.operating.sdk import CLIENTS, SWITCHBOARD, Reply
from tests.tables import make_tables

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

STACK = "test"
DOCUMENT: dict[str, Any] = SETTINGS | {"mode": "advise"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The account, and what the commands printed.

    Attributes:
        stacks: outputs and parameters of the stack, to edit.
    """

    world: World
    stacks: Stacks
    capsys: pytest.CaptureFixture[str]

    @property
    def ssm(self) -> "SSMClient":
        """Parameter Store."""
        return boto3.client("ssm", region_name=REGION)

    @property
    def access(self) -> StackAccess:
        """The stack as a command finds it."""
        return StackAccess(find_stack(STACK))

    def put(self, name: str, document: Mapping[str, Any] | str) -> None:
        """Write a document as `aws ssm put-parameter --overwrite` does."""
        text = document if isinstance(document, str) else json.dumps(document)
        path = f"{PREFIX}/settings/{name}"
        self.ssm.put_parameter(Name=path, Value=text, Type="String", Overwrite=True)

    def stored(self, name: str = "targets/chat") -> Any:
        """A document as it is stored."""
        return json.loads(
            self.ssm.get_parameter(Name=f"{PREFIX}/settings/{name}")["Parameter"]["Value"]
        )

    def version(self, name: str = "targets/chat") -> int:
        """The newest version of a document."""
        return self.ssm.get_parameter(Name=f"{PREFIX}/settings/{name}")["Parameter"]["Version"]

    def accept(self) -> None:
        """Keep the documents as good, as a tick does."""
        tuning = self.access.tuning
        good = DynamoLastGood(boto3.client("dynamodb", region_name=REGION), "ledger")
        documents = tuning.parameters.documents()
        texts = documents.texts
        for name, text in texts.items():
            packed = json.dumps({"defaults": texts.get("defaults"), "document": text})
            good.put(
                name,
                text if name in {"defaults", "stack"} else packed,
                [documents.changed_at[name]],
            )

    def answer(self, operation: str, reply: Reply) -> None:
        """Let a call be answered by `reply`, given its parameters; an error's code refuses it."""
        SWITCHBOARD.replies[operation] = reply

    def record(self, decisions: Sequence[RecordedDecision]) -> None:
        """Put decisions into the ledger, as taken under the target in force."""
        log = DynamoDecisions(boto3.client("dynamodb", region_name=REGION), "ledger")
        (target,) = (one for one in self.access.settings().targets if one.name == "chat")
        for one in decisions:
            situation = replace(one.situation, target=target)
            decision = replace(
                one.decision,
                id=f"chat-{situation.loop}-{situation.scheduled_at:%Y%m%dT%H%M%SZ}",
                scheduled_at=situation.scheduled_at,
                settings_version=target.settings_version,
            )
            log.record(replace(one, situation=situation, decision=decision))

    def told(self, *arguments: str, status: int = 0) -> str:
        """What a command prints to standard output; its exit status is as expected."""
        self.capsys.readouterr()
        found = run([*arguments, "--stack", STACK])
        printed = self.capsys.readouterr()
        assert found == status, (found, printed.out, printed.err)
        return printed.out

    def refused(self, *arguments: str, status: int = 2) -> str:
        """What a command prints to standard error when it refuses."""
        self.capsys.readouterr()
        assert run([*arguments, "--stack", STACK]) == status
        return self.capsys.readouterr().err

    def json(self, *arguments: str, status: int = 0) -> Any:
        """What a command prints as JSON."""
        return json.loads(self.told(*arguments, "--output", "json", status=status))


@contextmanager
def staged(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], clock: str
) -> Iterator[Stage]:
    """An account at NOW."""
    world = World(
        WorldSettings(
            start=NOW,
            account_id=ACCOUNT,
            region=REGION,
            applied_quotas={POOL: 100, OWN: 100},
        )
    )
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws(config={"core": {"passthrough": {"services": list(BY_WORLD)}}}):
        monkeypatch.setattr(boto3, "client", CLIENTS)
        stacks = Stacks(clock)
        SWITCHBOARD.replies = {}
        SWITCHBOARD.describe, SWITCHBOARD.send = stacks, answering(world)
        make_tables(boto3.client("dynamodb", region_name=REGION), TABLES)
        made = Stage(world=world, stacks=stacks, capsys=capsys)
        made.put("targets/chat", DOCUMENT)
        yield made
