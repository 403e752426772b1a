"""One local AWS account with the application deployed in it."""

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, overload

import boto3
import botocore.session
from botocore.config import Config

from bedrock_world.local.emulator import Emulator
from bedrock_world.local.environment import (
    ACCOUNT,
    REGION,
    SECRET,
    WORLD_SERVICES,
    endpoints,
    host_architecture,
)
from bedrock_world.local.errors import FunctionFailedError, tail
from bedrock_world.local.sam import Sam

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_ssm import SSMClient

_BUCKET = "bedrock-autoscaler-deployments"
_ALIAS = "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class StackOutputs:
    """What the deployed stack is called by.

    Attributes:
        ledger_table, routes_table, consents_table: names of the tables.
        observe_decide, purchase, release, publish: names of the functions.
        alert_topic_arn: where alarms go.
        dead_letter_queue_url: where ticks go that were not delivered.
        settings_prefix: path of the settings in Parameter Store.
    """

    ledger_table: str
    routes_table: str
    consents_table: str
    observe_decide: str
    purchase: str
    release: str
    publish: str
    alert_topic_arn: str
    dead_letter_queue_url: str
    settings_prefix: str


class LocalAws:
    """The emulator and clients for it, as a context manager.

    Every client has the endpoint and keys written out, and reads no configuration file, so that
    no call can leave this machine.
    """

    def __init__(
        self,
        *,
        tools: Path,
        world_url: str,
        enforce_iam: bool = False,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare, without starting.

        Args:
            tools: the environment that `make tools` makes.
            world_url: endpoint of the Bedrock world, for functions and clients alike.
            enforce_iam: whether the roles of functions bind; see `Emulator`.
            variables: more of the environment that every function has; see `Emulator`.
        """
        self._tools = tools
        self._world_url = world_url
        self._emulator = Emulator(
            tools=tools, world_url=world_url, enforce_iam=enforce_iam, variables=variables
        )
        self._session = _session()
        self._client = cache(self._make_client)

    def __enter__(self) -> Self:
        """Start the emulator.

        Raises:
            LocalAwsError: it did not start.
        """
        self._emulator.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the clients, stop the emulator and remove what it wrote."""
        self._emulator.__exit__(kind, error, trace)
        self._client.cache_clear()

    @property
    def endpoint(self) -> str:
        """The emulator's URL."""
        return self._emulator.endpoint

    @property
    def variables(self) -> dict[str, str]:
        """What makes any other program's SDK call this account, and nothing but it."""
        return {
            **endpoints(self.endpoint, self._world_url),
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": REGION,
        }

    @overload
    def client(self, service: Literal["bedrock"]) -> "BedrockClient": ...
    @overload
    def client(self, service: Literal["cloudformation"]) -> "CloudFormationClient": ...
    @overload
    def client(self, service: Literal["cloudwatch"]) -> "CloudWatchClient": ...
    @overload
    def client(self, service: Literal["dynamodb"]) -> "DynamoDBClient": ...
    @overload
    def client(self, service: Literal["lambda"]) -> "LambdaClient": ...
    @overload
    def client(self, service: Literal["ssm"]) -> "SSMClient": ...
    @overload
    def client(self, service: str) -> Any: ...  # noqa: ANN401 - services without stubs here

    def client(self, service: str) -> Any:
        """A client bound to the emulator, or to the world for what Bedrock serves."""
        return self._client(service)

    def deploy(
        self, repository: Path, *, stack: str, parameters: Mapping[str, str]
    ) -> StackOutputs:
        """Build the application in `repository` for this machine and deploy it as `stack`.

        Args:
            repository: the folder with template.yaml.
            stack: the stack's name, which is the deployment's id too.
            parameters: template parameters; the emulator needs `AlarmSet=basic`.

        Raises:
            LocalAwsError: the build or the deployment failed.
        """
        self.client("s3").create_bucket(Bucket=_BUCKET)
        sam = Sam(tools=self._tools, repository=repository, endpoint=self.endpoint)
        sam.build_and_deploy(stack=stack, bucket=_BUCKET, parameters=parameters)
        return self._outputs(stack)

    def deploy_again(
        self, deployed: str, *, stack: str, parameters: Mapping[str, str]
    ) -> StackOutputs:
        """Deploy as `stack` too what is `deployed` here; nothing is built or packed for it.

        Args:
            deployed: the stack whose template and uploaded code are taken.
            stack: as for `deploy`.
            parameters: as for `deploy`.
        """
        cloudformation = self.client("cloudformation")
        template = json.dumps(cloudformation.get_template(StackName=deployed)["TemplateBody"])
        # By its address, because a template of this size is not taken as an argument.
        key = f"{stack}.template"
        self.client("s3").put_object(Bucket=_BUCKET, Key=key, Body=template.encode())
        values = {"Architecture": host_architecture()} | dict(parameters)
        cloudformation.create_stack(
            StackName=stack,
            TemplateURL=f"{self.endpoint}/{_BUCKET}/{key}",
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value} for name, value in values.items()
            ],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        waiter = cloudformation.get_waiter("stack_create_complete")
        waiter.wait(StackName=stack, WaiterConfig={"Delay": 1})
        return self._outputs(stack)

    def invoke(self, function: str, event: Mapping[str, object]) -> object:
        """Run the live version of `function` on `event`; its answer.

        Raises:
            FunctionFailedError: it raised or ran out of time; with its error and last log lines.
        """
        answer = self.client("lambda").invoke(
            FunctionName=function,
            Qualifier=_ALIAS,
            LogType="Tail",
            Payload=json.dumps(event).encode(),
        )
        payload: object = json.loads(answer["Payload"].read() or b"null")
        if answer.get("FunctionError"):
            log = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace")
            raise FunctionFailedError(
                f"{function} failed on {json.dumps(event)}: {json.dumps(payload)}\n{tail(log)}"
            )
        return payload

    def _outputs(self, stack: str) -> StackOutputs:
        described = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        value = {
            output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])
        }
        return StackOutputs(
            ledger_table=value["LedgerTableName"],
            routes_table=value["RoutesTableName"],
            consents_table=value["ConsentsTableName"],
            observe_decide=value["ObserveDecideFunctionName"],
            purchase=value["PurchaseFunctionName"],
            release=value["ReleaseFunctionName"],
            publish=value["PublishFunctionName"],
            alert_topic_arn=value["AlertTopicArn"],
            dead_letter_queue_url=value["DeadLetterQueueUrl"],
            settings_prefix=value["SettingsPrefixPath"],
        )

    def _make_client(self, service: str) -> Any:  # noqa: ANN401 - typed by `client`
        return self._session.client(
            service,  # type: ignore[call-overload] # any service name; `client` has the types
            endpoint_url=self._world_url if service in WORLD_SERVICES else self.endpoint,
            config=Config(
                proxies={},
                retries={"total_max_attempts": 1},
                # A first invocation unpacks and imports the layer; a function has 50 s.
                read_timeout=90,
                connect_timeout=5,
                max_pool_connections=20,
            ),
        )


def _session() -> boto3.Session:
    """A session with fake keys that reads no configuration file."""
    core = botocore.session.Session(
        session_vars={
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
            "profile": (None, None, None, None),
        }
    )
    return boto3.Session(
        botocore_session=core,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key=SECRET,
        region_name=REGION,
    )
