"""The PT operations of the `bedrock` control plane."""

from collections.abc import Callable, Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any

from bedrock_world.clock import VirtualClock
from bedrock_world.errors import BedrockError, conflict, validation
from bedrock_world.idempotency import TokenMemory
from bedrock_world.models import Models
from bedrock_world.paging import BadTokenError, page
from bedrock_world.provisioned import ProvisionedModel, Status
from bedrock_world.purchases import Purchases
from bedrock_world.settings import Config
from bedrock_world.tagging import Tags, check_tags

_CREATE = "CreateProvisionedModelThroughput"
_LIST = "ListProvisionedModelThroughputs"


class ControlPlane:
    """Create, Get, List, Update and Delete of provisioned model throughputs."""

    def __init__(
        self,
        config: Config,
        clock: VirtualClock,
        *,
        models: Models,
        purchases: Purchases,
        tags: Tags,
        tokens: TokenMemory,
    ) -> None:
        self._config = config
        self._clock = clock
        self._models = models
        self._purchases = purchases
        self._tags = tags
        self._tokens = tokens
        tags.serve(purchases.has)

    def create_provisioned_model_throughput(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`CreateProvisionedModelThroughput`: a purchase; it bills from now on."""
        now = self._clock.now()
        replay = self._tokens.replay(_CREATE, params, now)
        if replay is not None:
            return replay
        commitment = params.get("commitmentDuration")
        check_tags(params.get("tags", ()))
        model = self._models.purchasable(params["modelId"])
        self._check_name(params["provisionedModelName"])
        self._purchases.check_quota(model, params["modelUnits"], commitment)
        purchase = self._purchases.add(
            params["provisionedModelName"], params["modelUnits"], commitment, model
        )
        if params.get("tags"):
            self._tags.put(purchase.arn, params["tags"])
        answer = {"provisionedModelArn": purchase.arn}
        self._tokens.remember(_CREATE, params, answer, now)
        return answer

    def _check_name(self, name: str, besides: str = "") -> None:
        code = self._config.current.duplicate_name
        taken = any(
            purchase.name == name and purchase.arn != besides
            for purchase in self._purchases.existing(self._clock.now())
        )
        if taken and code != "accepted":
            raise BedrockError(code, f"A provisioned model with the name {name} already exists.")

    def get_provisioned_model_throughput(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`GetProvisionedModelThroughput`, by name or ARN; never lags."""
        purchase = self._purchases.find(params["provisionedModelId"])
        now = self._clock.now()
        shown = _summary(purchase, now)
        if purchase.status(now) is Status.FAILED:
            shown["failureMessage"] = purchase.failure_message
        return shown

    def list_provisioned_model_throughputs(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`ListProvisionedModelThroughputs`, as things stood a `list_lag` ago."""
        settings = self._config.current
        horizon = self._clock.now() - settings.list_lag
        ranked = [
            (purchase.rank, _summary(purchase, horizon))
            for purchase in self._purchases.existing(horizon)
            if _matches(purchase, params, horizon)
        ]
        descending = params.get("sortOrder", settings.list_order) == "Descending"
        ranked.sort(key=itemgetter(0), reverse=descending)
        size = params.get("maxResults", settings.page_size)
        try:
            part = page(ranked, size, params.get("nextToken"), of=_LIST, descending=descending)
        except BadTokenError as error:
            raise validation("The provided next token is invalid.") from error
        token = {"nextToken": part.next_token} if part.next_token else {}
        return {"provisionedModelSummaries": list(part.items), **token}

    def update_provisioned_model_throughput(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`UpdateProvisionedModelThroughput`: the name, and a custom model's place. Never units."""
        purchase, now = self._purchases.find(params["provisionedModelId"]), self._clock.now()
        name, model_id = params.get("desiredProvisionedModelName"), params.get("desiredModelId")
        if name is None and model_id is None:
            raise validation("At least one of the name and the model must be given.")
        if purchase.status(now) is not Status.IN_SERVICE:
            raise validation(
                f"{purchase.arn} is {purchase.status(now)} and can be updated once InService."
            )
        desired = self._desired_model(purchase, model_id) if model_id else purchase.model_arn
        if name is not None:
            try:
                self._check_name(name, besides=purchase.arn)
            except BedrockError as error:
                raise validation(error.message) from error
            purchase.name, purchase.modified_at = name, now
        if desired != purchase.model_arn:
            purchase.desired_model_arn = desired
            purchase.updated_at = now + self._config.current.update_time
            purchase.modified_at = now
        return {}

    def _desired_model(self, purchase: ProvisionedModel, model_id: str) -> str:
        """The ARN to re-point a custom model's PT to: its base, or a sibling of the same base."""
        if not purchase.is_custom:
            raise validation(
                "The model of a base model's provisioned throughput cannot be changed."
            )
        target = self._models.purchasable(model_id)
        if target.variant.model_id != purchase.purchase_id:
            raise validation(f"{model_id} and {purchase.model_arn} do not share a base model.")
        return target.model_arn

    def delete_provisioned_model_throughput(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`DeleteProvisionedModelThroughput`: gone at once, unless a term or a change forbids."""
        purchase, now = self._purchases.find(params["provisionedModelId"]), self._clock.now()
        settings, status = self._config.current, purchase.status(now)
        if status is Status.UPDATING:
            raise conflict(f"{purchase.arn} is Updating and cannot be deleted now.")
        if status is Status.CREATING and settings.delete_while_creating != "accepted":
            raise conflict(f"{purchase.arn} is Creating and cannot be deleted now.")
        if purchase.is_locked(now, settings.renewed_term, settings.renewal_window):
            raise BedrockError(
                settings.committed_delete_error,
                f"{purchase.arn} cannot be deleted before its commitment term is over.",
            )
        self._purchases.remove(purchase.arn)
        return {}


def _matches(purchase: ProvisionedModel, params: Mapping[str, Any], at: datetime) -> bool:
    tests: dict[str, Callable[[Any], bool]] = {
        "statusEquals": lambda value: purchase.status(at) == value,
        "modelArnEquals": lambda value: purchase.model_arn == value,
        "nameContains": lambda value: value in purchase.name,
        "creationTimeAfter": lambda value: purchase.created_at > value,
        "creationTimeBefore": lambda value: purchase.created_at < value,
    }
    return all(test(params[name]) for name, test in tests.items() if name in params)


def _summary(purchase: ProvisionedModel, at: datetime) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "provisionedModelName": purchase.name,
        "provisionedModelArn": purchase.arn,
        "modelArn": purchase.model_arn,
        "desiredModelArn": purchase.desired_model_arn,
        "foundationModelArn": purchase.foundation_model_arn,
        "modelUnits": purchase.units,
        "desiredModelUnits": purchase.units,
        "status": str(purchase.status(at)),
        "creationTime": purchase.created_at,
        "lastModifiedTime": purchase.changed_at(at),
    }
    term_end = purchase.term_end(at)
    if term_end is not None:
        shown["commitmentDuration"] = purchase.commitment
        shown["commitmentExpirationTime"] = term_end
    return shown
