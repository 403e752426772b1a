"""The foundation models the world knows: `catalogue.toml`, under the settings in force."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Family = Literal["on_demand", "cross_region", "global", "optimized", "deployment"]
FAMILY_NAMES: dict[Family, str] = {
    "on_demand": "On-demand",
    "cross_region": "Cross-region",
    "global": "Global cross-region",
    "optimized": "Latency-optimized",
    "deployment": "Custom model deployment",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """One Service Quotas entry of the service code `bedrock`, with its default value."""

    code: str
    name: str
    default: float
    adjustable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceQuotas:
    """The two quotas of one family; None where AWS has no such quota."""

    requests: Quota | None
    tokens: Quota | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseVariant:
    """A model id that a PT can be bought for, and its per-model quota."""

    model_id: str
    quota: Quota


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundationModel:
    """A base model.

    Attributes:
        body: form of its native InvokeModel bodies.
        in_region: callable by its bare id.
        burndown: quota tokens that one output token takes.
        profiles: prefixes of its system-defined inference profiles.
    """

    id: str
    name: str
    provider: str
    body: str
    input: tuple[str, ...]
    output: tuple[str, ...]
    in_region: bool
    max_output_tokens: int
    burndown: int
    quotas: Mapping[Family, InferenceQuotas]
    streams: bool = True
    customizations: tuple[str, ...] = ()
    legacy: datetime | None = None
    end_of_life: datetime | None = None
    pt_regions: tuple[str, ...] = ()
    pt: tuple[PurchaseVariant, ...] = ()
    profiles: tuple[str, ...] = ()

    @property
    def is_text(self) -> bool:
        """Whether it answers with text, and so takes part in Converse."""
        return "TEXT" in self.output


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All models, profile destinations and account quotas.

    `variants` has base model and variant by the model id that a purchase names.
    """

    models: Mapping[str, FoundationModel]
    profile_regions: Mapping[str, tuple[str, ...]]
    base_pool: Quota
    custom_pool: Quota
    variants: Mapping[str, tuple[FoundationModel, PurchaseVariant]] = field(default_factory=dict)

    def quotas(self) -> dict[str, Quota]:
        """Every quota by its code, sorted by code."""
        found = [self.base_pool, self.custom_pool]
        for model in self.models.values():
            found += [variant.quota for variant in model.pt]
            for pair in model.quotas.values():
                found += [quota for quota in (pair.requests, pair.tokens) if quota]
        return {quota.code: quota for quota in sorted(found, key=lambda quota: quota.code)}


@cache
def catalogue() -> Catalogue:
    """The shipped catalogue."""
    text = files("bedrock_world").joinpath("catalogue.toml").read_text(encoding="utf-8")
    raw = tomllib.loads(text)
    models = {entry["id"]: _model(entry) for entry in raw["models"]}
    pools = {
        key: Quota(code=code, name=name, default=0, adjustable=True)
        for key, (code, name) in raw["account_quotas"].items()
    }
    return Catalogue(
        models=models,
        profile_regions={key: tuple(value) for key, value in raw["profile_regions"].items()},
        base_pool=pools["base_pool"],
        custom_pool=pools["custom_pool"],
        variants={
            variant.model_id: (model, variant) for model in models.values() for variant in model.pt
        },
    )


def _model(entry: dict[str, Any]) -> FoundationModel:
    name = f"{entry['provider']} {entry['name']}"
    families: dict[Family, list[Any]] = entry["quotas"]
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()
    }
    values["quotas"] = {family: _pair(family, name, row) for family, row in families.items()}
    values["pt"] = tuple(_variant(name, *row) for row in entry.get("pt", ()))
    return FoundationModel(**values)


def _pair(family: Family, model: str, row: list[Any]) -> InferenceQuotas:
    def quota(what: str, value: float, code: str) -> Quota | None:
        if value < 0:
            return None
        return Quota(
            code=code,
            name=f"{FAMILY_NAMES[family]} model inference {what} per minute for {model}",
            default=value,
            adjustable=what == "tokens",
        )

    requests_per_minute, requests_code, tokens_per_minute, tokens_code = row
    return InferenceQuotas(
        requests=quota("requests", requests_per_minute, requests_code),
        tokens=quota("tokens", tokens_per_minute, tokens_code),
    )


def _variant(model: str, model_id: str, code: str) -> PurchaseVariant:
    context = model_id.rsplit(":", 1)[-1]
    quota_name = f"Model units per provisioned model for {model} {context.upper()}"
    return PurchaseVariant(
        model_id=model_id,
        quota=Quota(code=code, name=quota_name, default=0, adjustable=True),
    )
