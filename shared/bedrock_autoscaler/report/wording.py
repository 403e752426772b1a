"""Decisions in a few words, for lists, headlines and plots."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum

from bedrock_autoscaler.domain.decision import Action, Decision, Purchase, Release, Restore
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.routing.route import content
from bedrock_autoscaler.domain.target import Loop, Mode, OptionKind
from bedrock_autoscaler.domain.units import iso, units_text

_ARN_START = re.compile(r"arn:aws[a-z-]*:[^\s/]+/")


class Kind(StrEnum):
    """What a decision comes to, in one word; a purchase counts before a release beside it."""

    BUY = "buy"
    RELEASE = "release"
    RESTORE = "restore"
    ROUTES = "routes"
    HOLD = "hold"


_LEADING = (
    ReasonCode.RELEASE,
    ReasonCode.RESTORE,
    ReasonCode.PT_WITHDRAWN,
    ReasonCode.PT_ROUTED,
    ReasonCode.SPILL_REORDERED,
    ReasonCode.UNITS_PAY_OFF,
    ReasonCode.UNITS_DO_NOT_PAY,
)
_BACKGROUND = frozenset(
    {ReasonCode.NO_PRESSURE, ReasonCode.ROUTES_UNCHANGED, ReasonCode.ADVISE_MODE}
)


def _rank(code: ReasonCode) -> int:
    """Order of interest: what was done, then what held it back, then the background."""
    if code in _LEADING:
        return _LEADING.index(code)
    return len(_LEADING) + (code in _BACKGROUND)


def headline(decision: Decision) -> str:
    """Subject, time and verdict in one line."""
    mode = "" if decision.actions == () else f" ({decision.mode.value})"
    return (
        f"{decision.target}, {decision.loop.value} loop, {iso(decision.scheduled_at)}: "
        f"{summary(decision)}{mode}"
    )


def summary(decision: Decision) -> str:
    """The verdict in a few words."""
    if decision.actions:
        return " and ".join(describe_action(action) for action in decision.actions)
    if decision.loop is Loop.ROUTING:
        return f"routes {route_kinds(decision)}" if decision.routes else "no route"
    coming = decision.allowed_units - decision.actual_units
    return f"hold {units_text(decision.actual_units)}" + (
        f", {coming} on the way" if coming > 0 else ""
    )


def route_kinds(decision: Decision) -> str:
    """`2 PT > on demand > geographic profile`: the routes by kind, in spill order."""
    counts = Counter(route.kind for route in decision.routes)
    return " > ".join(
        f"{number} PT" if kind is OptionKind.PROVISIONED else kind.value.replace("_", " ")
        for kind, number in counts.items()
    )


def in_turn(decisions: Iterable[Decision]) -> Iterator[tuple[Decision, Decision | None]]:
    """Each decision of one target, oldest first, with the one before it of the same loop."""
    newest: dict[Loop, Decision] = {}
    for decision in decisions:
        yield decision, newest.get(decision.loop)
        newest[decision.loop] = decision


def differs(decision: Decision, before: Decision | None) -> bool:
    """Whether it changes something that the decision before it of the same loop did not.

    Advice is not carried out: the same advice again is no change.
    """
    if before is None or before.mode is not decision.mode:
        return is_change(decision)
    if decision.loop is Loop.ROUTING:
        return content(decision.routes) != content(before.routes)
    is_repeated = decision.mode is Mode.ADVISE and decision.actions == before.actions
    return is_change(decision) and not is_repeated


def is_change(decision: Decision) -> bool:
    """Whether it buys, releases or restores, or wants other routes than those in force."""
    if decision.loop is Loop.CAPACITY:
        return bool(decision.actions)
    return all(reason.code is not ReasonCode.ROUTES_UNCHANGED for reason in decision.reasons)


def kind_of(decision: Decision, before: Decision | None) -> Kind:
    """What it comes to; `routes` are others than those of the decision before it of its loop."""
    for kind, action in (
        (Kind.BUY, Purchase),
        (Kind.RELEASE, Release),
        (Kind.RESTORE, Restore),
    ):
        if any(isinstance(each, action) for each in decision.actions):
            return kind
    return Kind.ROUTES if differs(decision, before) else Kind.HOLD


def class_name(decision: Decision) -> str:
    """The class of the traffic; empty where the loop does not classify."""
    return decision.classification.label.value if decision.classification else ""


def leading_reason(decision: Decision) -> str:
    """The reason that a person wants to read first, with its ARNs cut short."""
    ranked = sorted(decision.reasons, key=lambda reason: _rank(reason.code))
    return short(ranked[0].message) if ranked else ""


def short(text: str) -> str:
    """The text with ARNs cut to the id at their end."""
    return _ARN_START.sub("", text)


def describe_action(action: Action) -> str:
    """`buy 2 units`, `release 1 unit`, `restore 1 unit`."""
    if isinstance(action, Purchase):
        return f"buy {units_text(action.model_units)}"
    verb = "release" if isinstance(action, Release) else "restore"
    return f"{verb} {units_text(action.model_units)}"
