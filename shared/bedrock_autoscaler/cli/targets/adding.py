"""A new target's document from options and answers; it advises until a person lets it act."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import typer

from bedrock_autoscaler.adapters.documents.parser import NAME_RULE, is_name
from bedrock_autoscaler.adapters.documents.text import read_object
from bedrock_autoscaler.adapters.documents.values import LONGEST_SOURCE, SHORTEST_SOURCE
from bedrock_autoscaler.application.settings.in_force import DEFAULTS
from bedrock_autoscaler.application.settings.tuning import document_text
from bedrock_autoscaler.cli.known import model_doubt
from bedrock_autoscaler.cli.output import CommandError
from bedrock_autoscaler.cli.stack import StackAccess
from bedrock_autoscaler.domain.routing.addresses import geography_of, is_application_profile
from bedrock_autoscaler.domain.units import iso

_GLOBAL = "global"
_SOURCE_RULE = f"say who says so in {SHORTEST_SOURCE} to {LONGEST_SOURCE} characters"


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


def refuse_at_once(access: StackAccess, name: str, wanted: Wanted) -> None:
    """Refuse what no further answer can mend, before anything is asked.

    Raises:
        CommandError: the name is taken or none, or the source of the rate is none.
    """
    if not is_name(name):
        raise CommandError(f"{name!r} is no name for a target: {NAME_RULE}")
    stored = access.stored.newest(name)
    if stored is not None:
        raise CommandError(
            f"target {name!r} exists, at version {stored.version}; change it by "
            f"`bedrock-autoscaler settings set {name} FIELD=VALUE`"
        )
    if wanted.rate_source and not _is_source(wanted.rate_source):
        raise CommandError(f"--rate-source {wanted.rate_source!r}: {_SOURCE_RULE}")


def document_of(access: StackAccess, wanted: Wanted) -> str:
    """The document of the new target.

    Raises:
        CommandError: a rate has no source, nothing uses a figure, or there is nothing to manage.
    """
    if not wanted.addresses and wanted.provisioned is None:
        raise CommandError(
            "nothing to manage; give --address or --provisioned (`targets discover` lists both)"
        )
    _refuse_unused(wanted)
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


def doubts_of(access: StackAccess, wanted: Wanted) -> Iterator[str]:
    """A sentence on each model that no list has, which may be misspelled."""
    book = access.prices().book
    for address in (*wanted.addresses, *filter(None, [wanted.provisioned])):
        if doubt := model_doubt(address, book, access.models):
            yield doubt


def _refuse_unused(wanted: Wanted) -> None:
    """Refuse a figure that would be left out of the document without a word."""
    if wanted.provisioned is None and (wanted.input_rate or wanted.output_rate):
        raise CommandError(
            "--input-rate and --output-rate are of one unit, and no unit may be bought: name its "
            "model by --provisioned MODEL, or leave the rate out"
        )
    if wanted.output_rate and not wanted.input_rate:
        raise CommandError("--output-rate alone is no rate of a unit; give --input-rate too")
    if wanted.tokens_per_minute and not wanted.addresses:
        raise CommandError(
            "--tokens-per-minute is the quota of an address, and there is none: give --address, or "
            "leave the quota out"
        )


def _with_rate(wanted: Wanted) -> Wanted:
    if wanted.input_rate is None:
        rate = _number("input tokens a minute of one unit (empty: unknown)", float, 1)
        if rate is None:
            return wanted
        wanted = replace(wanted, input_rate=rate)
    if wanted.output_rate is None:
        rate = _number("output tokens a minute of one unit (empty: an embedding)", float, 1)
        wanted = replace(wanted, output_rate=rate)
    if not wanted.rate_source:
        wanted = replace(wanted, rate_source=_source())
    return wanted


def _source() -> str:
    """Who says what a unit serves. Asks again after what is no source."""
    while not _is_source(text := _text("who says so (account team, load test of ...)")):
        typer.echo(f"{text!r}: {_SOURCE_RULE}")
    return text


def _is_source(text: str) -> bool:
    return SHORTEST_SOURCE <= len(text) <= LONGEST_SOURCE


def _with_rails(wanted: Wanted) -> Wanted:
    if wanted.max_units is None:
        wanted = replace(wanted, max_units=_number("units held at most (empty: 1)", int, 0))
    if wanted.max_usd_per_day is None:
        usd = _number("USD a day on units at most (empty: 1,000)", float, 0.01)
        wanted = replace(wanted, max_usd_per_day=usd)
    return wanted


def _with_quota(wanted: Wanted) -> Wanted:
    if not wanted.addresses or wanted.tokens_per_minute is not None:
        return wanted
    asked = f"applied tokens a minute of {wanted.addresses[0]} (empty: unknown)"
    return replace(wanted, tokens_per_minute=_number(asked, float, 1))


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


def _number[N: (int, float)](question: str, kind: Callable[[str], N], least: float) -> N | None:
    """A number; None for an empty answer. Asks again after what is none, or too small."""
    while True:
        text = _text(question).replace(",", "")
        if not text:
            return None
        try:
            number = kind(text)
        except ValueError:
            typer.echo(f"{text!r} is no number")
            continue
        if least <= number < inf:
            return number
        typer.echo(f"{text} is not allowed; give a number from {least:g}")
