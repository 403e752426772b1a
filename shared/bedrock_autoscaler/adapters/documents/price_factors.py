"""What a tier, latency or batch costs as a multiple of the usual price; unknown stays unknown."""

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files

from bedrock_autoscaler.domain.option import InferenceOption, OptionKind, ServiceTier
from bedrock_autoscaler.domain.routing.addresses import model_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """A multiple of the usual price, with where and when it was read."""

    times: Decimal
    source: str
    as_of: date


def factor_of(option: InferenceOption) -> Factor | None:
    """The factor of what an option asks for, 1 where it asks for nothing; None while unknown."""
    asked = _asked(option)
    if not asked:
        return Factor(times=Decimal(1), source="", as_of=date.max)
    model = model_of(option.address)
    return _shipped().get((asked, model)) if model else None


def _asked(option: InferenceOption) -> str:
    if option.kind is OptionKind.BATCH:
        return "batch"
    if option.latency:
        return option.latency
    return "" if option.tier in {"", ServiceTier.DEFAULT} else option.tier


@cache
def _shipped() -> dict[tuple[str, str], Factor]:
    """The factors by what is asked for and model."""
    text = (files("bedrock_autoscaler") / "data" / "price_factors.json").read_text("utf-8")
    return {
        (entry["asked"], model): Factor(
            times=Decimal(entry["times"]),
            source=entry["source"],
            as_of=date.fromisoformat(entry["as_of"]),
        )
        for entry in json.loads(text)["factors"]
        for model in entry["models"]
    }
