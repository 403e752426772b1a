"""The Endpoints port: how many instances a Marketplace endpoint runs, and their change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, override

from botocore.exceptions import BotoCoreError, ClientError

from bedrock_autoscaler.adapters.bedrock.errors import is_refusal
from bedrock_autoscaler.application.errors import (
    CapacityUnavailableError,
    ObservationError,
    StaleDecisionError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.application.ports.bedrock import Endpoints
from bedrock_autoscaler.domain.traffic.observation import EndpointState
from bedrock_autoscaler.sdk_errors import code_of, described, unread

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient


class BedrockEndpoints(Endpoints):
    """Marketplace endpoints through Bedrock, which calls SageMaker for the caller."""

    def __init__(self, client: BedrockClient) -> None:
        self._client = client

    @override
    def state(self, address: str) -> EndpointState:
        """What Bedrock shows; its own status may be left out, and is then not the settled one.

        Raises:
            ObservationError: it could not be read, or is no endpoint with instances.
        """
        shown = self._get(address)
        told = (shown.get("status"), shown["endpointStatus"])
        return EndpointState(
            address=address,
            instances=self._config(address, shown)["initialInstanceCount"],
            is_settled=told == ("REGISTERED", "InService"),
            changed_at=shown["updatedAt"],
        )

    @override
    def scale(self, before: EndpointState, instances: int, token: str) -> None:
        """Ask for another number of instances and leave all else as it is.

        Raises:
            StaleDecisionError: the endpoint has moved since `before`.
            CapacityUnavailableError: Bedrock refused it.
            UnknownOutcomeError: nobody knows; the token makes a repetition safe.
            ObservationError: it could not be read.
        """
        shown = self._get(before.address)
        config = self._config(before.address, shown)
        if config["initialInstanceCount"] != before.instances:
            raise StaleDecisionError(
                f"{before.address} has {config['initialInstanceCount']} instances, not "
                f"{before.instances}"
            )
        try:
            self._client.update_marketplace_model_endpoint(
                endpointArn=before.address,
                endpointConfig={"sageMaker": config | {"initialInstanceCount": instances}},
                clientRequestToken=token,
            )
        except (BotoCoreError, ClientError) as error:
            told = f"scaling {before.address} to {instances}: {described(error)}"
            if not is_refusal(error):
                raise UnknownOutcomeError(told) from error
            if code_of(error) == "ConflictException":
                raise StaleDecisionError(told) from error
            raise CapacityUnavailableError(told, code=code_of(error)) from error

    def _get(self, address: str) -> Any:  # noqa: ANN401 - the SDK's answer, parsed by the callers
        try:
            answer = self._client.get_marketplace_model_endpoint(endpointArn=address)
        except (BotoCoreError, ClientError) as error:
            raise unread(f"endpoint {address}", error) from error
        return answer["marketplaceModelEndpoint"]

    def _config(self, address: str, shown: Any) -> Any:  # noqa: ANN401 - as above
        config = shown["endpointConfig"].get("sageMaker")
        if config is None:
            raise ObservationError(f"endpoint {address} has no instances that Bedrock shows")
        return config
