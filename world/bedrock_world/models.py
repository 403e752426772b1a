"""`GetFoundationModel` and `ListFoundationModels`, and what may be bought or called."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bedrock_world.catalogue import FoundationModel, PurchaseVariant, catalogue
from bedrock_world.clock import VirtualClock
from bedrock_world.errors import not_found, validation
from bedrock_world.naming import Names
from bedrock_world.settings import Config, CustomModel, LifeCycle


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchasable:
    """A model id that a purchase may name.

    Attributes:
        model_arn: what the PT runs, a custom model's ARN or the variant's.
    """

    model_arn: str
    base: FoundationModel
    variant: PurchaseVariant
    is_custom: bool


class Models:
    """The catalogue under the life cycles and switches of the settings."""

    def __init__(self, config: Config, clock: VirtualClock, names: Names) -> None:
        self._config = config
        self._clock = clock
        self._names = names

    def get_foundation_model(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`GetFoundationModel`."""
        wanted = self._names.bare(params["modelIdentifier"])
        for summary in self._summaries():
            if summary["modelId"] == wanted:
                return {"modelDetails": summary}
        raise not_found(f"Could not resolve the foundation model from the identifier {wanted}")

    def list_foundation_models(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`ListFoundationModels`, filtered."""
        tests: dict[str, Callable[[dict[str, Any], str], bool]] = {
            "byProvider": lambda summary, value: summary["providerName"].lower() == value.lower(),
            "byCustomizationType": lambda summary, value: (
                value in summary["customizationsSupported"]
            ),
            "byOutputModality": lambda summary, value: value in summary["outputModalities"],
            "byInferenceType": lambda summary, value: value in summary["inferenceTypesSupported"],
        }
        chosen = [
            summary
            for summary in self._summaries()
            if all(test(summary, params[name]) for name, test in tests.items() if name in params)
        ]
        return {"modelSummaries": chosen}

    def get_imported_model(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`GetImportedModel`; every copy of one has a single unit here."""
        identifier = params["modelIdentifier"]
        if identifier not in self._config.current.imported_models:
            raise not_found(f"The imported model {identifier} was not found.")
        units = {"customModelUnitsPerModelCopy": 1, "customModelUnitsVersion": "v1.0"}
        return {
            "modelArn": identifier,
            "instructSupported": True,
            "creationTime": self._config.current.start,
            "customModelUnits": units,
        }

    def _summaries(self) -> Iterator[dict[str, Any]]:
        """Base models, each followed by its PT ids, which AWS lists as models of their own.

        A Region that does not sell a model's units has none of its PT ids.
        """
        for model in catalogue().models.values():
            if self._has_ended(model):
                continue
            is_sold = self._config.current.region in model.pt_regions
            variants = [variant.model_id for variant in model.pt] if is_sold else []
            own_types = [*self._types(model), *(["PROVISIONED"] if model.id in variants else [])]
            yield self._summary(model, model.id, own_types)
            for model_id in variants:
                if model_id != model.id:
                    yield self._summary(model, model_id, ["PROVISIONED"])

    def _types(self, model: FoundationModel) -> list[str]:
        if self.is_in_region(model):
            return ["ON_DEMAND"]
        emits = self._config.current.emit_unmodelled_inference_type
        return ["INFERENCE_PROFILE"] if emits else []

    def _summary(self, model: FoundationModel, model_id: str, types: list[str]) -> dict[str, Any]:
        life = self.life_cycle(model)
        times = {"legacyTime": life.legacy, "endOfLifeTime": life.end_of_life}
        return {
            "modelArn": self._names.foundation_model(model_id),
            "modelId": model_id,
            "modelName": model.name,
            "providerName": model.provider,
            "inputModalities": list(model.input),
            "outputModalities": list(model.output),
            "responseStreamingSupported": model.streams,
            "customizationsSupported": list(model.customizations),
            "inferenceTypesSupported": types,
            "modelLifecycle": {
                "status": "LEGACY" if self.is_legacy(model) else "ACTIVE",
                **{name: time for name, time in times.items() if time},
            },
        }

    def life_cycle(self, model: FoundationModel) -> LifeCycle:
        """The dates in force, from the settings or the catalogue."""
        shipped = LifeCycle(legacy=model.legacy, end_of_life=model.end_of_life)
        return self._config.current.life_cycles.get(model.id, shipped)

    def is_legacy(self, model: FoundationModel) -> bool:
        """Whether the model is in its Legacy state now."""
        return _passed(self.life_cycle(model).legacy, self._clock.now())

    def _has_ended(self, model: FoundationModel) -> bool:
        return _passed(self.life_cycle(model).end_of_life, self._clock.now())

    def is_in_region(self, model: FoundationModel) -> bool:
        """Whether the bare model id may be called."""
        return self._config.current.in_region.get(model.id, model.in_region)

    def callable_model(self, model_id: str) -> FoundationModel:
        """The live base model of an id that a profile copies or a call names.

        Raises:
            BedrockError: no such model, or it has reached its end of life.
        """
        model = catalogue().models.get(model_id)
        if model is None:
            raise validation("The provided model identifier is invalid.")
        if self._has_ended(model):
            raise not_found("This model version has reached the end of its life.")
        return model

    def custom_model(self, arn: str) -> CustomModel | None:
        """The account's custom model with this ARN."""
        models = self._config.current.custom_models
        return next((model for model in models if model.arn == arn), None)

    def purchasable(self, model_id: str) -> Purchasable:
        """What a purchase of `model_id` would run, when AWS would sell it here and now.

        Raises:
            BedrockError: unknown, not sold as PT, not in this Region, or LEGACY.
        """
        custom = self.custom_model(model_id)
        variant_id = custom.base if custom else self._names.bare(model_id)
        base, variant = self._variant(variant_id)
        region = self._config.current.region
        if region not in base.pt_regions:
            raise validation(f"Provisioned throughput for {variant_id} is not offered in {region}.")
        if self._has_ended(base):
            raise not_found("This model version has reached the end of its life.")
        if self.is_legacy(base):
            raise validation(
                f"{variant_id} is in the Legacy state: it takes no new provisioned throughput."
            )
        return Purchasable(
            model_arn=custom.arn if custom else self._names.foundation_model(variant_id),
            base=base,
            variant=variant,
            is_custom=custom is not None,
        )

    def _variant(self, model_id: str) -> tuple[FoundationModel, PurchaseVariant]:
        found = catalogue().variants.get(model_id)
        if found:
            return found
        base = catalogue().models.get(model_id)
        if base is None:
            raise not_found(f"The model {model_id} was not found.")
        sold = ", ".join(variant.model_id for variant in base.pt)
        if sold:
            raise validation(f"{model_id} names no context length; purchasable ids are: {sold}.")
        raise validation(f"{model_id} does not support provisioned throughput.")


def _passed(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and now >= moment
