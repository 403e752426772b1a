"""A new target's document from options and answers; it advises until a person lets it act."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import typer

from bedrock_autoscaler.adapters.documents.text import read_object
from bedrock_autoscaler.application.settings.in_force import DEFAULTS, STACK
from bedrock_autoscaler.application.settings.tuning import document_text
from bedrock_autoscaler.cli.output import CommandError
from bedrock_autoscaler.cli.stack import StackAccess
from bedrock_autoscaler.domain.routing.addresses import geography_of, is_application_profile
from bedrock_autoscaler.domain.units import iso

_GLOBAL = "global"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is known of the new target; None and empty: not told."""

    addresses: tuple[str, ...]
    provisioned: str | None
    input_rate: float | None
    output_rate: float | None
    rate_source: str
    tokens_per_minute: float | None
    burndown: float
    max_units: int | None
    max_usd_per_day: float | None
    uses_mantle: bool


def asked_for(wanted: Wanted) -> Wanted:
    """The same with the answers of the person at the terminal; an empty answer tells nothing."""
    if not wanted.addresses:
        text = _text("modelIds that callers pass, with commas between (models or profiles)")
        addresses = tuple(one.strip() for one in text.split(",") if one.strip())
        wanted = replace(wanted, addresses=addresses)
    if wanted.provisioned is None:
        text = _text("model whose units may be bought, with its context length (empty: none)")
        wanted = replace(wanted, provisioned=text or None)
    if wanted.provisioned is not None:
        wanted = _with_rails(_with_rate(wanted))
    return _with_quota(wanted)


def document_of(access: StackAccess, name: str, wanted: Wanted) -> str:
    """The document of the new target.

    Raises:
        CommandError: it exists, a rate has no source, or there is nothing to manage.
    """
    if name in {DEFAULTS, STACK}:
        raise CommandError(f"{name!r} is no name for a target: it is a document on all of them")
    stored = access.stored.newest(name)
    if stored is not None:
        raise CommandError(
            f"target {name!r} exists, at version {stored.version}; change it by "
            f"`bedrock-autoscaler settings set {name} FIELD=VALUE`"
        )
    if not wanted.addresses and wanted.provisioned is None:
        raise CommandError(
            "nothing to manage; give --address or --provisioned (`targets discover` lists both)"
        )
    document: dict[str, Any] = {**_place(access), "mode": "advise"}
    if wanted.uses_mantle:
        document["uses_mantle"] = True
    document |= _residency(wanted)
    document["options"] = [
        _option(access, wanted, address, is_first=not index)
        for index, address in enumerate(wanted.addresses)
    ]
    if wanted.provisioned is not None:
        document["provisioned"] = _provisioned(wanted)
    rails = {"max_units": wanted.max_units, "max_usd_per_day": wanted.max_usd_per_day}
    rails = {key: value for key, value in rails.items() if value is not None}
    if rails:
        document["guard_rails"] = rails
    return document_text(document)


def _with_rate(wanted: Wanted) -> Wanted:
    if wanted.input_rate is None:
        rate = _number("input tokens a minute of one unit (empty: unknown)", float)
        if rate is None:
            return wanted
        wanted = replace(wanted, input_rate=rate)
    if wanted.output_rate is None:
        rate = _number("output tokens a minute of one unit (empty: an embedding)", float)
        wanted = replace(wanted, output_rate=rate)
    if not wanted.rate_source:
        wanted = replace(wanted, rate_source=_text("who says so (account team, load test of ...)"))
    return wanted


def _with_rails(wanted: Wanted) -> Wanted:
    if wanted.max_units is None:
        wanted = replace(wanted, max_units=_number("units held at most (empty: 1)", int))
    if wanted.max_usd_per_day is None:
        usd = _number("USD a day on units at most (empty: 1,000)", float)
        wanted = replace(wanted, max_usd_per_day=usd)
    return wanted


def _with_quota(wanted: Wanted) -> Wanted:
    if not wanted.addresses or wanted.tokens_per_minute is not None:
        return wanted
    asked = f"applied tokens a minute of {wanted.addresses[0]} (empty: unknown)"
    return replace(wanted, tokens_per_minute=_number(asked, float))


def _place(access: StackAccess) -> dict[str, str]:
    """Account and Region, unless `defaults` says them."""
    text = access.tuning.parameters.documents().texts.get(DEFAULTS)
    try:
        known = read_object(text) if text is not None else {}
    except ValueError:
        known = {}
    place = {"account": access.place.account, "region": access.place.region}
    return {key: value for key, value in place.items() if known.get(key) != value}


def _residency(wanted: Wanted) -> dict[str, Any]:
    """To name a profile is to allow where it serves; it is written down, and printed before."""
    told = {geography_of(address) for address in wanted.addresses} - {None}
    found: dict[str, Any] = {}
    geographies = sorted(str(one) for one in told if one != _GLOBAL)
    if geographies:
        found["geographies"] = geographies
    if _GLOBAL in told:
        found["global_profiles"] = True
    return {"residency": found} if found else {}


def _option(access: StackAccess, wanted: Wanted, address: str, *, is_first: bool) -> dict[str, Any]:
    if is_application_profile(address):
        raise CommandError(
            f"{address} is an application profile, whose address does not tell where it serves; "
            "add the target without it, then `bedrock-autoscaler settings set TARGET --file PATH`"
        )
    geography = geography_of(address)
    kinds = {None: "on_demand", _GLOBAL: "global_profile"}
    option: dict[str, Any] = {
        "kind": kinds.get(geography, "geographic_profile"),
        "address": address,
    }
    if is_first and wanted.tokens_per_minute is not None:
        option["quota"] = {
            "tokens_per_minute": wanted.tokens_per_minute,
            "output_burndown": wanted.burndown,
            "source": f"a person's word at {iso(access.clock.now())}",
        }
    return option


def _provisioned(wanted: Wanted) -> dict[str, Any]:
    found: dict[str, Any] = {"model_id": wanted.provisioned}
    if wanted.input_rate is None:
        return found
    if not wanted.rate_source:
        raise CommandError(
            "--rate-source is missing: AWS publishes no rate of a unit, so say who says "
            f"{wanted.input_rate:,.0f} input tokens a minute"
        )
    found["unit_rate"] = {
        "input_tokens_per_minute": wanted.input_rate,
        "source": wanted.rate_source,
    }
    if wanted.output_rate is not None:
        found["unit_rate"]["output_tokens_per_minute"] = wanted.output_rate
    return found


def _text(question: str) -> str:
    return str(typer.prompt(question, default="", show_default=False)).strip()


def _number[N: (int, float)](question: str, kind: Callable[[str], N]) -> N | None:
    """A number; None for an empty answer. Asks again after what is none."""
    while True:
        text = _text(question).replace(",", "")
        if not text:
            return None
        try:
            return kind(text)
        except ValueError:
            typer.echo(f"{text!r} is no number")
