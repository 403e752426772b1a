"""What the Price List calls a model or a Region, and what Bedrock calls it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib.resources import files
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bedrock_autoscaler.application.errors import ConfigurationError
from bedrock_autoscaler.domain.economics.price_book import Measure, PriceKey, Quote, Standing

NO_REGION = "no Region"
_Id = Annotated[str, Field(min_length=3, max_length=140)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Reference(_Closed):
    input_usd_per_1k: float = Field(gt=0)
    output_usd_per_1k: float = Field(gt=0)
    source: _Id


class _Model(_Closed):
    model_id: _Id
    names: Annotated[tuple[_Id, ...], Field(min_length=1)]
    unit_ids: tuple[_Id, ...] = ()
    ended: date | None = None
    reference: _Reference | None = None

    def quotes(self, as_of: date) -> Iterator[Quote]:
        """The reference as quotes of no Region, which no look-up finds."""
        if self.reference is None:
            return
        for measure, usd in (
            (Measure.INPUT_1K, self.reference.input_usd_per_1k),
            (Measure.OUTPUT_1K, self.reference.output_usd_per_1k),
        ):
            yield Quote(
                key=PriceKey(address=self.model_id, region=NO_REGION, measure=measure),
                usd=Decimal(str(usd)),
                source=self.reference.source,
                as_of=as_of,
                standing=Standing.SHIPPED,
            )


class _List(_Closed):
    schema_version: Annotated[int, Field(alias="schema", ge=1, le=1)]
    about: str
    source: str
    as_of: date
    regions: dict[str, str]
    models: tuple[_Model, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedModel:
    """A model as the Price List means it.

    Attributes:
        model_id: in-Region id.
        unit_ids: the ids by context length that a purchase may name; empty when it is not sold
            as provisioned throughput, or only under its bare id.
        ended: end of life; a price of a later day is that of something else.
    """

    model_id: str
    unit_ids: tuple[str, ...]
    ended: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceNames:
    """Models by their name in the Price List, Regions by their prefix in usage types.

    Attributes:
        references: prices without a certain Region, good for nothing but holding others against.
    """

    models: dict[str, PricedModel]
    regions: dict[str, str]
    references: tuple[Quote, ...]


def load_price_names(text: str | None = None) -> PriceNames:
    """The shipped names, or those in `text`.

    Raises:
        ConfigurationError: the list is not in its format, or a name stands for two models.
    """
    if text is None:
        path = files("bedrock_autoscaler") / "data" / "price_names.json"
        text = path.read_text(encoding="utf-8")
    try:
        found = _List.model_validate_json(text)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise ConfigurationError(f"price names: {place or 'file'}: {fault['msg']}") from error
    models: dict[str, PricedModel] = {}
    for model in found.models:
        for name in model.names:
            if name in models:
                raise ConfigurationError(f"price names: {name!r} stands for two models")
            models[name] = PricedModel(
                model_id=model.model_id, unit_ids=model.unit_ids, ended=model.ended
            )
    references = tuple(quote for model in found.models for quote in model.quotes(found.as_of))
    return PriceNames(models=models, regions=found.regions, references=references)
