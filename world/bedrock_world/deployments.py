"""On-demand deployments of the account's custom models: no units, a quota of tokens by the base."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bedrock_world.catalogue import FoundationModel, catalogue
from bedrock_world.clock import VirtualClock
from bedrock_world.errors import not_found, quota_exceeded, validation
from bedrock_world.idempotency import TokenMemory
from bedrock_world.models import Models
from bedrock_world.naming import Names
from bedrock_world.settings import Config
from bedrock_world.tagging import Tags, check_tags

_CREATE = "CreateCustomModelDeployment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A custom model that is billed by the token."""

    arn: str
    name: str
    model_arn: str
    base: FoundationModel
    created_at: datetime
    ready_at: datetime

    def status(self, now: datetime) -> str:
        """`Creating`, then `Active`."""
        return "Active" if now >= self.ready_at else "Creating"


class Deployments:
    """Create, Get and Delete of custom model deployments; Update is not modelled."""

    def __init__(
        self,
        config: Config,
        clock: VirtualClock,
        *,
        models: Models,
        names: Names,
        tags: Tags,
        tokens: TokenMemory,
    ) -> None:
        self._config = config
        self._clock = clock
        self._models = models
        self._names = names
        self._tags = tags
        self._tokens = tokens
        self._all: dict[str, Deployment] = {}
        tags.serve(lambda arn: arn in self._all)

    def create_custom_model_deployment(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`CreateCustomModelDeployment`: it is Creating for a while, and bills no time."""
        now, settings = self._clock.now(), self._config.current
        replay = self._tokens.replay(_CREATE, params, now)
        if replay is not None:
            return replay
        check_tags(params.get("tags", ()))
        custom = self._models.custom_model(params["modelArn"])
        if custom is None:
            raise not_found(f"The custom model {params['modelArn']} was not found.")
        base, _ = catalogue().variants[custom.base]
        if "deployment" not in base.quotas:
            raise validation(f"{base.id} takes no custom model deployments.")
        if any(d.name == params["modelDeploymentName"] for d in self._all.values()):
            raise validation("A deployment with this name already exists.")
        if len(self._all) >= settings.max_deployments:
            raise quota_exceeded(f"The account has {len(self._all)} deployments already.")
        arn = self._names.owned(
            "custom-model-deployment", self._names.draw("custom-model-deployment")
        )
        self._all[arn] = Deployment(
            arn=arn,
            name=params["modelDeploymentName"],
            model_arn=custom.arn,
            base=base,
            created_at=now,
            ready_at=now + settings.deployment_time,
        )
        self._tags.put(arn, params.get("tags", ()))
        answer = {"customModelDeploymentArn": arn}
        self._tokens.remember(_CREATE, params, answer, now)
        return answer

    def get_custom_model_deployment(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`GetCustomModelDeployment`, by name or ARN."""
        found = self._find(params["customModelDeploymentIdentifier"])
        return {
            "customModelDeploymentArn": found.arn,
            "modelDeploymentName": found.name,
            "modelArn": found.model_arn,
            "createdAt": found.created_at,
            "status": found.status(self._clock.now()),
        }

    def delete_custom_model_deployment(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`DeleteCustomModelDeployment`: gone at once."""
        del self._all[self._find(params["customModelDeploymentIdentifier"]).arn]
        return {}

    def active(self, arn: str) -> Deployment:
        """The deployment behind an ARN.

        Raises:
            BedrockError: it is gone, or not Active yet.
        """
        found = self._all.get(arn)
        if found is None or found.status(self._clock.now()) != "Active":
            raise not_found(f"The custom model deployment {arn} was not found or is not Active.")
        return found

    def _find(self, identifier: str) -> Deployment:
        for deployment in self._all.values():
            if identifier in {deployment.arn, deployment.name}:
                return deployment
        raise not_found(f"The custom model deployment {identifier} was not found.")
