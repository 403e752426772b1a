"""Marketplace endpoints: instances that are paid by time, and whose number can be changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bedrock_world.clock import VirtualClock
from bedrock_world.errors import conflict, not_found, quota_exceeded, validation
from bedrock_world.idempotency import TokenMemory
from bedrock_world.settings import Config, Endpoint

_UPDATE = "UpdateMarketplaceModelEndpoint"


@dataclass(slots=True)
class _State:
    """What an endpoint was told last."""

    instances: int
    wanted: int
    settled_at: datetime
    changed_at: datetime


class Endpoints:
    """Get and Update of the endpoints that the settings name."""

    def __init__(self, config: Config, clock: VirtualClock, tokens: TokenMemory) -> None:
        self._config = config
        self._clock = clock
        self._tokens = tokens
        self._states: dict[str, _State] = {}

    def get_marketplace_model_endpoint(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`GetMarketplaceModelEndpoint`."""
        return {"marketplaceModelEndpoint": self._shown(self.find(params["endpointArn"]))}

    def update_marketplace_model_endpoint(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`UpdateMarketplaceModelEndpoint`: the number of instances, which settles after a while.

        The old number serves meanwhile, and a further change is refused.
        """
        endpoint, now = self.find(params["endpointArn"]), self._clock.now()
        replay = self._tokens.replay(_UPDATE, params, now)
        if replay is not None:
            return replay
        wanted = params["endpointConfig"]["sageMaker"]
        count = wanted["initialInstanceCount"]
        shown = self._shown(endpoint)["endpointConfig"]["sageMaker"]
        if wanted != shown | {"initialInstanceCount": count}:
            raise validation("The Bedrock world changes nothing of an endpoint but its instances.")
        state, settings = self._state(endpoint), self._config.current
        if now < state.settled_at:
            raise conflict(f"{endpoint.arn} is Updating and cannot be updated now.")
        if count > settings.max_endpoint_instances:
            raise quota_exceeded(f"{count} instances are above the account's quota.")
        state.wanted, state.changed_at = count, now
        state.settled_at = now + settings.endpoint_update_time
        answer = {"marketplaceModelEndpoint": self._shown(endpoint)}
        self._tokens.remember(_UPDATE, params, answer, now)
        return answer

    def find(self, arn: str) -> Endpoint:
        """The endpoint with this ARN.

        Raises:
            BedrockError: there is none.
        """
        endpoints = self._config.current.endpoints
        found = next((endpoint for endpoint in endpoints if endpoint.arn == arn), None)
        if found is None:
            raise not_found(f"The endpoint {arn} was not found.")
        return found

    def calls_per_minute(self, endpoint: Endpoint) -> float:
        """What the instances that run now serve."""
        return self._state(endpoint).instances * endpoint.calls_per_instance

    def _state(self, endpoint: Endpoint) -> _State:
        start, now = self._config.current.start, self._clock.now()
        state = self._states.setdefault(
            endpoint.arn, _State(endpoint.instances, endpoint.instances, start, start)
        )
        if now >= state.settled_at:
            state.instances = state.wanted
        return state

    def _shown(self, endpoint: Endpoint) -> dict[str, Any]:
        state, settings = self._state(endpoint), self._config.current
        is_updating = self._clock.now() < state.settled_at
        return {
            "endpointArn": endpoint.arn,
            "modelSourceIdentifier": (
                f"arn:aws:sagemaker:{settings.region}:aws:hub-content/SageMakerPublicHub/Model/"
                f"{endpoint.model}/1.0.0"
            ),
            "status": "REGISTERED",
            "createdAt": settings.start,
            "updatedAt": state.changed_at,
            "endpointConfig": {
                "sageMaker": {
                    "initialInstanceCount": state.wanted,
                    "instanceType": endpoint.instance_type,
                    "executionRole": f"arn:aws:iam::{settings.account_id}:role/endpoint",
                }
            },
            "endpointStatus": "Updating" if is_updating else "InService",
        }
