"""Each contract suite runs over the fake of its port and over the real adapter.

The real adapter is tried on moto, and on the local AWS emulator, whose DynamoDB has the
conditions, transactions and tokens that the ledger relies on.
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from moto import mock_aws

from bedrock_autoscaler.adapters.storage.fleets import DynamoFleets
from bedrock_autoscaler.application.ports.ledger import Fleets
from bedrock_world.local.emulator import Emulator
from tests.fakes.memory_ledger import MemoryFleets
from tests.tables import make_tables

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ssm import SSMClient

LEDGER = "ledger"
ROUTES = "routes"
CONSENTS = "consents"
PREFIX = "/bedrock-autoscaler"
REGION = "us-east-1"
BACKENDS = (
    "memory",
    "moto",
    pytest.param("emulator", marks=[pytest.mark.emulator, pytest.mark.xdist_group("emulator")]),
)
"""The parameters of a suite's fixture: the fake, and two that stand for AWS."""

_TOOLS = Path(__file__).parents[2] / ".tools"
_NOWHERE = "http://127.0.0.1:9"
_accounts = count(200_000_000_001)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty account; no call can leave the process."""
    _forget_settings(monkeypatch)
    with mock_aws():
        yield


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """The emulator's process, one for all tests of a worker."""
    with Emulator(tools=_TOOLS, world_url=_NOWHERE) as started:
        yield started


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> "Backend":
    """AWS as the test's own parameter names it: the emulator, or else moto."""
    callspec = getattr(request.node, "callspec", None)
    chosen = list(callspec.params.values()) if callspec else []
    if any(value == "emulator" for value in chosen if isinstance(value, str)):
        emulator: Emulator = request.getfixturevalue("emulator")
        _forget_settings(request.getfixturevalue("monkeypatch"))
        return Backend(endpoint=emulator.endpoint)
    request.getfixturevalue("aws")
    return Backend(endpoint=None)


class Backend:
    """Makes clients of one account that no other test uses."""

    def __init__(self, endpoint: str | None) -> None:
        self._endpoint = endpoint
        self._account = str(next(_accounts))  # the emulator takes such a key for the account

    def client(self, service: str) -> Any:
        """A client of the service."""
        return boto3.client(  # type: ignore[call-overload] # the name is not a literal here
            service,
            region_name=REGION,
            endpoint_url=self._endpoint,
            aws_access_key_id=self._account,
            aws_secret_access_key="local",  # noqa: S106 - nobody checks it
            config=Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1}),
        )


@pytest.fixture
def dynamodb(backend: Backend) -> "DynamoDBClient":
    """DynamoDB with the three tables of the stack."""
    client: DynamoDBClient = backend.client("dynamodb")
    make_tables(client, {LEDGER: ("pk", "sk"), ROUTES: ("pk",), CONSENTS: ("pk",)})
    return client


@pytest.fixture(params=BACKENDS)
def fleets(request: pytest.FixtureRequest) -> Fleets:
    """The ledger of intents and reservations."""
    if request.param == "memory":
        return MemoryFleets()
    return DynamoFleets(request.getfixturevalue("dynamodb"), LEDGER)


@pytest.fixture
def ssm(backend: Backend) -> "SSMClient":
    """Parameter Store."""
    client: SSMClient = backend.client("ssm")
    return client


@pytest.fixture
def cloudwatch(backend: Backend) -> "CloudWatchClient":
    """CloudWatch."""
    client: CloudWatchClient = backend.client("cloudwatch")
    return client


def _forget_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's AWS settings may take part."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
