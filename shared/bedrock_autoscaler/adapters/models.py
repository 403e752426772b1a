"""The shipped list of models that can be bought: their variants and quota codes."""

from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bedrock_autoscaler.application.errors import ConfigurationError

_Code = Annotated[str, Field(pattern=r"^L-[0-9A-F]{8}$")]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Pools(_Closed):
    base: _Code
    custom: _Code


class _Model(_Closed):
    model_id: Annotated[str, Field(min_length=3, max_length=140)]
    quota_code: _Code | None


class _List(_Closed):
    schema_version: Literal[1] = Field(alias="schema")
    about: str
    source: Annotated[str, Field(min_length=3)]
    as_of: date
    pools: _Pools
    models: tuple[_Model, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelList:
    """What is known of models for purchases.

    Attributes:
        quota_codes: purchase id to the Service Quotas code of its own quota; None: not known.
        base_pool, custom_pool: codes of the account-wide pools of no-commitment units.
    """

    quota_codes: dict[str, str | None]
    base_pool: str
    custom_pool: str

    def codes_of(self, model_id: str) -> tuple[str, ...]:
        """The codes of all quotas known to bind purchases of a model, the pool first.

        A custom model has a pool of its own, and the quota of its base model's variant.
        """
        _, custom, tail = model_id.partition(":custom-model/")
        own = self.quota_codes.get(tail.split("/")[0] if custom else model_id)
        pool = self.custom_pool if custom else self.base_pool
        return (pool,) if own is None else (pool, own)

    def variants_of(self, model_id: str) -> tuple[str, ...]:
        """The ids by context length that a purchase must name in place of a bare model id."""
        return tuple(known for known in self.quota_codes if known.startswith(f"{model_id}:"))


def load_models(text: str | None = None) -> ModelList:
    """The shipped list, or the one in `text`.

    Raises:
        ConfigurationError: the list is not in its format, or has a model twice.
    """
    if text is None:
        text = (files("bedrock_autoscaler") / "data" / "models.json").read_text(encoding="utf-8")
    try:
        found = _List.model_validate_json(text)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise ConfigurationError(f"model list: {place or 'file'}: {fault['msg']}") from error
    codes = {model.model_id: model.quota_code for model in found.models}
    if len(codes) != len(found.models):
        raise ConfigurationError("model list: a model stands twice")
    return ModelList(quota_codes=codes, base_pool=found.pools.base, custom_pool=found.pools.custom)
