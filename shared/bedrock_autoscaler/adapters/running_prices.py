"""List prices of what the autoscaler itself uses, as data with their source and date."""

from collections.abc import Mapping
from datetime import date
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

_FILE = "data/running_prices.json"


class RunningPrice(BaseModel):
    """One price in USD, of what, and where it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    usd: float
    per: str
    source: str


class RunningPrices(BaseModel):
    """The price list of one Region."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_: Literal[1] = Field(alias="schema")
    about: str
    region: str
    as_of: date
    prices: Mapping[str, RunningPrice]

    @property
    def usd(self) -> Mapping[str, float]:
        """Price by name."""
        return {name: price.usd for name, price in self.prices.items()}


def load_running_prices() -> RunningPrices:
    """The list that is part of the package."""
    text = files("bedrock_autoscaler").joinpath(_FILE).read_text(encoding="utf-8")
    return RunningPrices.model_validate_json(text)
