"""A deployed stack on one emulated account, for the command line."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from bedrock_world.server import serve
from tests.builders import REGION
from tests.functions.account import Account, opened
from tests.functions.stacks import Stacks


@pytest.fixture
def deployed_account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """A deployed stack `test`, whose clock is the world's, on loopback."""
    with opened(monkeypatch) as made, serve(made.world) as server:
        monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
        session = boto3.DEFAULT_SESSION
        assert session is not None
        hooks: Any = session.events  # the published stub forgets that a hook may answer
        hooks.register_first(
            "before-call.cloudformation.DescribeStacks", Stacks(f"{server.url}/_world/clock")
        )
        yield made
