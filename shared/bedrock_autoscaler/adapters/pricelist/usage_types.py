"""Usage types: the one attribute that says what a Bedrock SKU is for.

`USE1-NovaMicro-input-tokens` and `USE1-Nova2.0Lite-ProvisionedThroughput-NoCommit-ModelUnits` name
their model; Marketplace's `USE1-MP:USE1_InputTokenCount_Global-Units` leaves that to `servicename`.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from bedrock_autoscaler.domain.economics.price_book import Measure
from bedrock_autoscaler.domain.target import Commitment


class Scope(StrEnum):
    """Which addresses a token price is for."""

    REGIONAL = "regional"
    GLOBAL = "global"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a usage type stands for.

    Attributes:
        prefix: of the Region; `again` the second one that Marketplace repeats, else the same.
        model: name inside the usage type; empty for Marketplace.
        per: tokens that the usage type itself says it counts in; None when it does not say.
    """

    prefix: str
    again: str
    model: str
    measure: Measure
    scope: Scope
    commitment: Commitment
    per: int | None


_PREFIX = r"(?P<prefix>[A-Z]{2,4}[0-9]{0,2})"
_TOKENS = re.compile(
    _PREFIX + r"-(?P<model>.+?)-(?P<what>input|output)-tokens?(?:-count)?(?P<suffix>(?:-[a-z]+)*)"
)
_UNITS = re.compile(
    _PREFIX + r"-(?P<model>.+?)-ProvisionedThroughput-(?P<term>NoCommit|1month|6months)-ModelUnits"
)
_MARKET = re.compile(_PREFIX + r"-MP:(?P<again>[A-Z]{2,4}[0-9]{0,2})_(?P<rest>.+)-Units")
_MARKET_TOKENS = re.compile(
    r"(?P<million>Million)?(?P<what>Input|Output|input|output)_?[Tt]oken(?:Count|s)"
    r"(?P<global>_Global|_global)?(?:_standard)?"
)
_MARKET_UNITS = re.compile(
    r"ProvisionedThroughput_(?P<term>NoCommit|1MonthCommit|6MonthsCommit)_ModelUnits(?:_Usage)?"
)
_OTHER_WORDS = re.compile(
    r"batch|flex|priority|latency|cache|reserved|long.?ctx|long.?context|image|video|audio|speech"
    r"|embed.*image|storage|training|customization-|evaluation|guardrail|grounding|rerank|search"
    r"|prompt|flow|agent|knowledge|datasource|importedmodel|customunit|custommodelunit|rft|fine",
    re.IGNORECASE,
)
_SCOPES = {
    "": Scope.REGIONAL,
    "-cross-region-global": Scope.GLOBAL,
    "-custom-model": Scope.CUSTOM,
}
_TERMS = {
    "NoCommit": Commitment.NONE,
    "1month": Commitment.ONE_MONTH,
    "1MonthCommit": Commitment.ONE_MONTH,
    "6months": Commitment.SIX_MONTHS,
    "6MonthsCommit": Commitment.SIX_MONTHS,
}
_MEASURES = {"input": Measure.INPUT_1K, "output": Measure.OUTPUT_1K}


def parse_usage(usage_type: str) -> Usage | str | None:
    """What a usage type stands for; None for one that prices something else.

    A text says why one that looks like ours is not understood.
    """
    market = _MARKET.fullmatch(usage_type)
    if market is not None:
        return _market(market)
    units = _UNITS.fullmatch(usage_type)
    if units is not None:
        return _usage(units, Measure.UNIT_HOUR, Scope.REGIONAL, _TERMS[units["term"]])
    if _OTHER_WORDS.search(usage_type):
        return None
    tokens = _TOKENS.fullmatch(usage_type)
    if tokens is not None:
        scope = _SCOPES.get(tokens["suffix"])
        if scope is None:
            return f"the suffix {tokens['suffix']!r} is not known"
        return _usage(tokens, _MEASURES[tokens["what"]], scope, Commitment.NONE)
    return _unread(usage_type)


def _market(match: re.Match[str]) -> Usage | str | None:
    rest = match["rest"]
    units = _MARKET_UNITS.fullmatch(rest)
    if units is not None:
        return _usage(match, Measure.UNIT_HOUR, Scope.REGIONAL, _TERMS[units["term"]])
    if _OTHER_WORDS.search(rest):
        return None
    tokens = _MARKET_TOKENS.fullmatch(rest)
    if tokens is None:
        return _unread(rest)
    scope = Scope.GLOBAL if tokens["global"] else Scope.REGIONAL
    measure = _MEASURES[tokens["what"].lower()]
    per = 1_000_000 if tokens["million"] else None
    return _usage(match, measure, scope, Commitment.NONE, per=per)


def _usage(
    match: re.Match[str],
    measure: Measure,
    scope: Scope,
    commitment: Commitment,
    *,
    per: int | None = None,
) -> Usage:
    named = match.groupdict()
    return Usage(
        prefix=named["prefix"],
        again=named.get("again", named["prefix"]),
        model=named.get("model", ""),
        measure=measure,
        scope=scope,
        commitment=commitment,
        per=per,
    )


def _unread(text: str) -> str | None:
    """A text for what speaks of tokens or model units in a way that is not known."""
    if re.search(r"(input|output).*token|ModelUnits|ProvisionedThroughput", text, re.IGNORECASE):
        return "it speaks of tokens or model units in a way that is not known"
    return None
