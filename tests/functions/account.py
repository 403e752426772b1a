"""The handlers on one emulated account: real adapters, moto, and a Bedrock world beside it.

A permission can be taken from a function: the call is then answered as AWS answers it, before it
is sent. What a call needs is read off the request itself, so that a transaction needs what each of
its writes needs.
"""

import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any, override

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.model import OperationModel
from botocore.useragent import sanitize_user_agent_string_component
from moto import mock_aws
from moto.core.utils import method_names_from_class

from bedrock_autoscaler.adapters.environment import RoutedEnvironment
from bedrock_autoscaler.adapters.observability import PowertoolsReporter
from bedrock_autoscaler.application.assembling import Application
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.ports.clock import Clock
from bedrock_autoscaler.application.ports.ledger import Fleets, LedgerState
from bedrock_autoscaler.application.ports.persons import Reporter
from bedrock_autoscaler.bootstrap import AwsAdapters, replaced_by
from bedrock_autoscaler.domain.units import HOUR, MINUTE, iso
from bedrock_world.inprocess import answering
from bedrock_world.settings import WorldSettings
from bedrock_world.sinks import CloudWatchSink
from bedrock_world.world import World
from functions.observe_decide import app as observe_decide
from functions.publish import app as publish
from functions.purchase import app as purchase
from functions.refresh_prices import app as refresh_prices
from functions.release import app as release
from functions.scale_endpoint import app as scale_endpoint
from tests.bedrock_stage import OWN, POOL
from tests.builders import ACCOUNT, MODEL, NOW, PT_MODEL, REGION
from tests.functions.quick_moto import QUICKER
from tests.functions.test_handlers import Context
from tests.staging import Script
from tests.tables import make_tables

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDatumTypeDef
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ssm import SSMClient

DEPLOYMENT = "test"
PREFIX = "/bedrock-autoscaler"
TABLES = {"ledger": ("pk", "sk"), "routes": ("pk",), "consents": ("pk",)}
VARIABLES = {
    "LEDGER_TABLE": "ledger",
    "ROUTES_TABLE": "routes",
    "CONSENTS_TABLE": "consents",
    "SETTINGS_PREFIX": PREFIX,
    "DEPLOYMENT": DEPLOYMENT,
    "ALERT_TOPIC_ARN": "",
    "LOG_LEVEL": "INFO",
    "AWS_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
    "CLOCK_ENDPOINT": "",
}
BY_WORLD = ("bedrock", "service-quotas")
"""Services of which moto knows too little."""
SETTINGS: dict[str, Any] = {
    "account": ACCOUNT,
    "region": REGION,
    "mode": "act",
    "provisioned": {
        "model_id": PT_MODEL,
        "unit_rate": {
            "input_tokens_per_minute": 1_000_000,
            "output_tokens_per_minute": 300_000,
            "source": "test",
        },
        "price": {"usd_per_hour": 60.5, "source": "test", "as_of": NOW.date().isoformat()},
    },
    "options": [{"kind": "on_demand", "address": MODEL}],
    "observing": {"history_days": 1},  # moto looks through all points for each query
    "guard_rails": {
        "max_units": 4,
        "max_usd_per_hour": 242.0,
        "max_usd_per_day": 5_000.0,
        "max_usd_per_month": 50_000.0,
    },
}
HANDLERS: Mapping[str, Callable[[Mapping[str, object], Any], dict[str, str]]] = {
    "observe_decide": observe_decide.handler,
    "purchase": purchase.handler,
    "release": release.handler,
    "publish": publish.handler,
    "scale_endpoint": scale_endpoint.handler,
    "refresh_prices": refresh_prices.handler,
}
_PURE: dict[str, Any] = {
    "botocore.useragent.sanitize_user_agent_string_component": lru_cache(1_024)(
        sanitize_user_agent_string_component
    ),
    "moto.core.responses.method_names_from_class": lru_cache(64)(method_names_from_class),
}
"""What the SDK and the emulator work out anew for each call, though it is always the same."""
_numbers = count()
_OPERATION_SERVICES = {"service-quotas": "servicequotas"}
_TRANSACTED = {"Put": "PutItem", "Update": "UpdateItem", "ConditionCheck": "ConditionCheckItem"}


def permissions_of(service: str, operation: str, body: object) -> frozenset[str]:
    """What a call needs, as `dynamodb:GetItem ledger`, `ssm:GetParameter /switch` or the action."""
    if service not in {"dynamodb", "ssm"}:
        prefix = _OPERATION_SERVICES.get(service, service)
        tagged = operation == "CreateProvisionedModelThroughput"
        also = {"bedrock:TagResource"} if tagged else set[str]()
        return frozenset({f"{prefix}:{operation}"} | also)
    request = json.loads(body if isinstance(body, str | bytes) else "{}")
    if service == "ssm":
        path = str(request.get("Name") or request["Path"])
        return frozenset({f"ssm:{operation} {path.removeprefix(PREFIX)}"})
    if operation == "TransactWriteItems":
        return frozenset(
            f"dynamodb:{_TRANSACTED[kind]} {write['TableName']}"
            for item in request["TransactItems"]
            for kind, write in item.items()
        )
    return frozenset({f"dynamodb:{operation} {request['TableName']}"})


def partitions_of(operation: str, body: object) -> frozenset[tuple[str, str]]:
    """What a write to DynamoDB needs, each with the partition key that it needs it for."""
    request = json.loads(body if isinstance(body, str | bytes) else "{}")
    writes = (
        [
            (_TRANSACTED[kind], write)
            for item in request["TransactItems"]
            for kind, write in item.items()
        ]
        if operation == "TransactWriteItems"
        else [(operation, request)]
    )
    return frozenset(
        (f"dynamodb:{name} {write['TableName']}", (write.get("Item") or write["Key"])["pk"]["S"])
        for name, write in writes
        if name in {"PutItem", "UpdateItem"}
    )


@dataclass(kw_only=True)
class Account:
    """One account with the stack's tables, settings of one target, and an hour of traffic.

    Attributes:
        script: the decision core; holds unless told otherwise.
        applications: by function; they share nothing, as in processes of their own.
        fleets: the ledger's intents, as the functions' own adapter reads them.
        log: what the functions wrote.
        denied: permissions that the next calls of any function lack.
        asked: permissions that calls needed since it was last cleared.
        written: permissions to write that calls needed, with the partition key.
        refused: permissions whose lack stopped a call since it was last cleared.
        error_text: what AWS writes into a refusal.
        denied_after: a permission, and those that are denied from its first use on.
    """

    world: World
    script: Script
    applications: dict[str, Application] = field(default_factory=dict)
    fleets: Fleets | None = None
    log: io.StringIO = field(default_factory=io.StringIO)
    denied: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    written: set[tuple[str, str]] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    error_text: str = f"User: arn:aws:sts::{ACCOUNT}:assumed-role/x is not authorized"
    denied_after: tuple[str, set[str]] | None = None

    @property
    def now(self) -> datetime:
        """The world's moment."""
        return self.world.clock.now()

    @cached_property
    def cloudwatch(self) -> "CloudWatchClient":
        """The test's own; making a client takes longer than its calls."""
        return boto3.client("cloudwatch", region_name=REGION)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        """The test's own."""
        return boto3.client("dynamodb", region_name=REGION)

    @cached_property
    def ssm(self) -> "SSMClient":
        """The test's own."""
        return boto3.client("ssm", region_name=REGION)

    def move(self, by: timedelta) -> None:
        """Advance the clock; each minute on the way has its heartbeat and steady traffic."""
        start = self.now
        self.world.advance(by)
        put_minutes(self.cloudwatch, start, self.now)

    def serve(self, arn: str, minutes: int) -> None:
        """Traffic on a PT in each of the last `minutes`."""
        put_minutes(self.cloudwatch, self.now - minutes * MINUTE, self.now, arn)

    def run(self, function: str, **event: str) -> dict[str, str]:
        """Invoke a function with the event of the running minute."""
        return self.send(function, {"scheduled_time": iso(self.now), **event})

    def send(self, function: str, event: Mapping[str, object]) -> dict[str, str]:
        """Invoke a function with any event."""
        with replaced_by(self.applications[function]):
            return HANDLERS[function](event, Context())

    def ledger(self) -> LedgerState:
        """What the ledger holds for the target."""
        assert self.fleets is not None
        return self.fleets.state_of("chat")

    def existing(self) -> set[str]:
        """ARNs of the throughputs that exist now."""
        return {pt.arn for pt in self.world.purchases.existing(self.now)}

    def stored(self) -> dict[str, Any]:
        """Everything that the functions have written down, and what exists in Bedrock."""
        parameters = self.ssm.get_parameters_by_path(Path=PREFIX, Recursive=True)["Parameters"]
        tables = {name: self.dynamodb.scan(TableName=name)["Items"] for name in TABLES}
        return {
            **tables,
            "parameters": {each["Name"]: each["Value"] for each in parameters},
            "throughputs": sorted(self.existing()),
        }

    def put_setting(self, name: str, text: str) -> None:
        """Write a parameter below the prefix."""
        path = f"{PREFIX}/{name}"
        self.ssm.put_parameter(Name=path, Value=text, Type="String", Overwrite=True)

    def without(self, permission: str, run: Callable[[], str]) -> tuple[str, str]:
        """The answer of a run without a permission, and what the log and the error say."""
        self.log.seek(0)
        self.log.truncate()
        self.denied, self.refused = {permission}, set()
        answer, trouble = "", ""
        try:
            answer = run()
        except ObservationError as error:
            trouble = str(error)
        self.denied = set()
        assert self.refused == {permission}, "the run never asked for it"
        return answer, trouble + self.log.getvalue()

    def answer(
        self, model: OperationModel, params: dict[str, Any], **_: object
    ) -> tuple[AWSResponse, dict[str, Any]] | None:
        """Refuse a call that lacks a permission; None lets it pass."""
        service = str(model.service_model.service_name)
        needed = permissions_of(service, model.name, params.get("body"))
        self.asked |= needed
        if service == "dynamodb":
            self.written |= partitions_of(model.name, params.get("body"))
        if not needed & self.denied:
            if self.denied_after is not None and self.denied_after[0] in needed:
                self.denied |= self.denied_after[1]
            return None
        self.refused |= needed & self.denied
        error = {
            "Code": "AccessDenied" if service == "cloudwatch" else "AccessDeniedException",
            "Message": self.error_text,
        }
        parsed = {
            "Error": error,
            "ResponseMetadata": {"RequestId": "denied", "HTTPStatusCode": 400},
        }
        return AWSResponse(params["url"], 400, HTTPHeaders(), None), parsed


@contextmanager
def opened(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Iterator[Account]:
    """An account at NOW, with the handlers of this process running in it."""
    quotas = {"applied_quotas": {POOL: 100, OWN: 100}}
    world = World(
        WorldSettings(start=NOW, account_id=ACCOUNT, region=REGION, **(quotas | settings))
    )
    # Powertools keeps one logger, with its stream, per service and process.
    logger = {"POWERTOOLS_SERVICE_NAME": f"account {next(_numbers)}"}
    for name, value in (VARIABLES | logger).items():
        monkeypatch.setenv(name, value)
    for name, quicker in (_PURE | QUICKER).items():
        monkeypatch.setattr(name, quicker)
    with mock_aws(config={"core": {"passthrough": {"services": list(BY_WORLD)}}}):
        boto3.setup_default_session()
        session = boto3.DEFAULT_SESSION
        assert session is not None
        account = Account(world=world, script=Script())
        _furnish(account)
        # From now on clients are refused what is denied, and the world answers the rest.
        hooks: Any = session.events  # the published stub forgets that a hook may answer
        hooks.register("before-call", account.answer)
        for service in BY_WORLD:
            hooks.register_first(f"before-send.{service}", answering(world))
        account.fleets = _Adapters(account).fleets
        for function in HANDLERS:
            account.applications[function] = Application(
                _Adapters(account),
                deployment=DEPLOYMENT,
                code_version="1.2.3",
                decide=account.script,
            )
        yield account


class _Adapters(AwsAdapters):
    """Those of a deployed function, but for the time, which is the world's."""

    def __init__(self, account: Account) -> None:
        super().__init__(RoutedEnvironment.read(), ACCOUNT)
        self._emulated = account

    @cached_property
    @override
    def clock(self) -> Clock:
        """The world's clock."""
        return self._emulated.world.clock

    @cached_property
    @override
    def reporter(self) -> Reporter:
        """The real one, writing into the account's log."""
        return PowertoolsReporter(DEPLOYMENT, "INFO", self._emulated.log)


def _furnish(account: Account) -> None:
    """Tables, settings, an open switch, and metrics that prove the last hour."""
    make_tables(account.dynamodb, TABLES)
    account.put_setting("settings/targets/chat", json.dumps(SETTINGS))
    account.put_setting("switch", "allow")
    account.world.sinks.append(CloudWatchSink(account.cloudwatch))
    put_minutes(account.cloudwatch, NOW - HOUR, NOW)


def put_minutes(
    cloudwatch: "CloudWatchClient", start: datetime, end: datetime, model_id: str = MODEL
) -> None:
    """Heartbeats and sixty calls a minute in [start, end)."""
    minutes = [start + index * MINUTE for index in range((end - start) // MINUTE)]
    beats: list[MetricDatumTypeDef] = [
        {
            "MetricName": "Heartbeat",
            "Dimensions": [{"Name": "Deployment", "Value": DEPLOYMENT}],
            "Timestamp": minute,
            "Value": 1.0,
        }
        for minute in minutes
    ]
    traffic: list[MetricDatumTypeDef] = [
        {
            "MetricName": name,
            "Dimensions": [{"Name": "ModelId", "Value": model_id}],
            "Timestamp": minute,
            "Value": value,
        }
        for minute in minutes
        for name, value in (
            ("Invocations", 60.0),
            ("InputTokenCount", 60_000.0),
            ("OutputTokenCount", 12_000.0),
        )
    ]
    for namespace, data in (("BedrockAutoscaler", beats), ("AWS/Bedrock", traffic)):
        for first in range(0, len(data), 1000):
            cloudwatch.put_metric_data(Namespace=namespace, MetricData=data[first : first + 1000])
