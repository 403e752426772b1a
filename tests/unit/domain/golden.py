"""A row of the golden table as a situation, and an action in its words."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from bedrock_autoscaler.domain.acting.controls import (
    ChangeWindow,
    Controls,
    RouteOverride,
    UnitsOverride,
)
from bedrock_autoscaler.domain.consents.consent import RecordedConsent
from bedrock_autoscaler.domain.decision import (
    NO_MEMORY,
    Action,
    Memory,
    Purchase,
    Release,
    Restore,
    Situation,
)
from bedrock_autoscaler.domain.fleet.holdings import Spend, StackState
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.sizing.balance import Balance
from bedrock_autoscaler.domain.target import (
    Commitment,
    InferenceOption,
    Loop,
    Modality,
    Mode,
    OptionKind,
    RateSource,
    StackRails,
    Target,
)
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    MODEL,
    NOW,
    PROFILE,
    UNIT_PRICE,
    UNIT_RATE,
    build_consent,
    build_guard_rails,
    build_option,
    build_provisioned,
    build_situation,
    build_target,
    build_thresholds,
    pt_arn,
)
from tests.unit.domain.golden_facts import fleet_of, held_of, known, moment, observation_of
from tests.unit.domain.worlds import UNIT_USD, trusting

GIVEN = {
    "balance", "blocked_until", "consents", "controls", "demand", "facts", "fleet", "held", "late",
    "loop", "measured", "options", "profile", "rails", "rejected", "routes", "server_errors",
    "settings",
    "spilled", "stack",
    "study", "succession", "target", "throttles", "trusted", "unreachable",
}  # fmt: skip
ADDRESSES = {"on-demand": MODEL, "profile": PROFILE, "pt": pt_arn(1)}
KINDS = {
    "on-demand": OptionKind.ON_DEMAND,
    "profile": OptionKind.GEOGRAPHIC_PROFILE,
    "pt": OptionKind.PROVISIONED,
}


def describe(action: Action) -> str:
    verb = {Purchase: "buy", Release: "release", Restore: "restore"}[type(action)]
    return f"{verb} {action.model_units}"


def situation_of(given: dict[str, Any]) -> Situation:
    facts = given.get("facts", {})
    return build_situation(
        target=_target(given, facts),
        loop=Loop(given.get("loop", "capacity")),
        observation=observation_of(given, facts),
        fleet=replace(
            fleet_of(given.get("fleet", {}), held_of(given)),
            stack=_stack(given["stack"]) if "stack" in given else None,
        ),
        is_late=given.get("late", False),
        rejected=tuple(given.get("rejected", ())),
        unreachable=given.get("unreachable", ""),
        routes=tuple(
            Route(
                kind=KINDS[name],
                address=ADDRESSES[name],
                weight=1.0 if position == 0 else 0.0,
            )
            for position, name in enumerate(given.get("routes", []))
        ),
        memory=_memory(given),
        consents=tuple(_consent(**each) for each in given.get("consents", [])),
    )


def _consent(
    *, units: int, term: str, left: int, ceiling: str = "60.5", asked: int | None = None
) -> RecordedConsent:
    """Jane's word, which ends in so many minutes, on what was asked so many minutes ago."""
    return build_consent(
        units=units,
        term=Commitment(term),
        max_usd_per_hour=Decimal(ceiling),
        valid_until=NOW + left * MINUTE,
        asked_at=None if asked is None else NOW - asked * MINUTE,
    )


def _target(given: dict[str, Any], facts: dict[str, Any]) -> Target:
    changed = dict(given.get("target", {}))
    modality = Modality(changed.pop("modality", "text"))
    price = replace(
        UNIT_PRICE,
        usd_per_hour=Decimal(str(UNIT_USD)),
        one_month_usd_per_hour=Decimal(facts.get("one_month", "55")),
        as_of=facts.get("unit_price_as_of", UNIT_PRICE.as_of),
    )
    rate = UNIT_RATE
    if modality is Modality.EMBEDDING:
        rate = replace(rate, output_tokens_per_minute=None)
    provisioned = build_provisioned(
        price=None if facts.get("unit_price") == "unknown" else price,
        unit_rate=None if facts.get("unit_rate") == "unknown" else rate,
        unit_rate_from=RateSource(facts.get("unit_rate_from", "stated")),
    )
    if "provisioned" in changed:
        provisioned = known(changed.pop("provisioned"))
    if "mode" in changed:
        changed["mode"] = Mode(changed["mode"])
    rails = {
        name: Decimal(value) if isinstance(value, str) else value
        for name, value in given.get("rails", {}).items()
    }
    slo = replace(build_target().slo, **changed.pop("slo", {}))
    return build_target(
        modality=modality,
        slo=slo,
        provisioned=provisioned,
        options=tuple(_option(name, facts) for name in given.get("options", ["on-demand"])),
        guard_rails=build_guard_rails(**rails),
        thresholds=build_thresholds(**given.get("settings", {})),
        controls=_controls(given.get("controls", {})),
        **changed,
    )


def _controls(given: dict[str, Any]) -> Controls:
    """`window` is [cron, minutes]; `units` and `route` are [what, minutes until it expires]."""
    changed = dict(given)
    if "window" in changed:
        cron, minutes = changed.pop("window")
        changed["shrink_windows"] = (ChangeWindow(cron=cron, minutes=minutes),)
    if "units" in changed:
        units, left = changed["units"]
        changed["units"] = UnitsOverride(units=units, until=NOW + left * MINUTE, by="jane")
    if "route" in changed:
        name, left = changed["route"]
        changed["route"] = RouteOverride(
            address=ADDRESSES[name], until=NOW + left * MINUTE, by="jane"
        )
    if "approval_above_usd_per_hour" in changed:
        limit = Decimal(changed["approval_above_usd_per_hour"])
        changed["approval_above_usd_per_hour"] = limit
    return Controls(**changed)


def _stack(given: dict[str, Any]) -> StackState:
    """Sums and caps of the stack, wide where the row says nothing."""
    wide = {"max_usd_per_hour": "9999", "max_usd_per_day": "99999", "max_usd_per_month": "99999"}
    caps: dict[str, Any] = {name: Decimal(given.get(name, usual)) for name, usual in wide.items()}
    return StackState(
        rails=StackRails(max_units=given.get("max_units", 100), **caps),
        held_units=given.get("held_units", 0),
        usd_per_hour=Decimal(given.get("usd_per_hour", "0")),
        spend=Spend(
            day_usd=Decimal(given.get("day_usd", "0")),
            month_usd=Decimal(given.get("month_usd", "0")),
        ),
    )


def _option(name: str, facts: dict[str, Any]) -> InferenceOption:
    option = build_option(kind=KINDS[name], address=ADDRESSES[name])
    if "token_price" in facts:
        option = replace(option, price=known(facts["token_price"]))
    if "quota" in facts:
        option = replace(option, quota=known(facts["quota"]))
    if "tokens_per_minute" in facts and option.quota is not None:
        quota = replace(option.quota, tokens_per_minute=facts["tokens_per_minute"])
        option = replace(option, quota=quota)
    return option


def _memory(given: dict[str, Any]) -> Memory:
    memory = trusting(**{given["trusted"]: 1.0}) if "trusted" in given else NO_MEMORY
    if "balance" in given:
        memory = replace(memory, balance=Balance(**given["balance"]))
    memory = replace(memory, succession=given.get("succession"))
    if "blocked_until" in given:
        memory = replace(memory, blocked_until=moment(given["blocked_until"]))
    return memory
