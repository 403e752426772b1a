"""The `detail` of an event, as `docs/schema/event.schema.json` describes it."""

from math import isfinite
from typing import Any

from bedrock_autoscaler.application.telling.events import Announcement, Kind
from bedrock_autoscaler.application.telling.remedies import commands_of, remedy_of
from bedrock_autoscaler.domain.consents.consent import Request
from bedrock_autoscaler.domain.decision import (
    Action,
    Decision,
    Purchase,
    Release,
    Restore,
)
from bedrock_autoscaler.domain.units import iso

VERSION = "1"
"""Rises when a member changes its meaning or goes; new members may come at any time."""

_MOST_REASONS = 50
_LONGEST = 1_000


def detail_of(one: Announcement, deployment: str) -> dict[str, Any]:
    """Members for machines; text from outside is cut and escaped like in the log."""
    return {
        "version": VERSION,
        "id": one.id,
        "deployment": deployment,
        "kind": one.kind.value,
        "name": _text(one.name),
        "target": _text(one.target),
        "at": iso(one.at),
        "text": _text(one.text),
        "fields": {name: _scalar(value) for name, value in one.fields.items()},
        "commands": _commands(one, deployment),
        "decision": None if one.decision is None else _decision(one.decision),
        "request": None if one.request is None else _request(one.request),
    }


def _commands(one: Announcement, deployment: str) -> list[str]:
    """What a person may run on it."""
    match one.kind:
        case Kind.ALARM:
            return list(commands_of(remedy_of(one.name), one.target, deployment))
        case Kind.REQUEST:
            words = f"{one.id} --target {one.target} --stack {deployment}"
            return [f"bedrock-autoscaler {verb} {words}" for verb in ("approve", "reject")]
        case Kind.DECISION | Kind.CHANGE:
            return []


def _decision(decision: Decision) -> dict[str, Any]:
    classification = decision.classification
    return {
        "loop": decision.loop.value,
        "mode": decision.mode.value,
        "settings_version": _text(decision.settings_version),
        "label": classification.label.value if classification else None,
        "desired_units": decision.desired_units,
        "allowed_units": decision.allowed_units,
        "actual_units": decision.actual_units,
        "expected_saving_usd_per_hour": _number(decision.expected_saving_usd_per_hour),
        "actions": [_action(action) for action in decision.actions],
        "reasons": [
            {
                "code": reason.code.value,
                "message": _text(reason.message),
                "numbers": {name: _number(value) for name, value in reason.numbers},
            }
            for reason in decision.reasons[:_MOST_REASONS]
        ],
    }


def _action(action: Action) -> dict[str, Any]:
    match action:
        case Purchase():
            return {
                "action": "purchase",
                "model_units": action.model_units,
                "model_id": action.model_id,
                "usd_per_hour": str(action.usd_per_hour),
                "commitment": action.commitment.value,
                "consent_id": action.consent_id,
            }
        case Release() | Restore():
            return {
                "action": type(action).__name__.lower(),
                "model_units": action.model_units,
                "arn": action.arn,
            }


def _request(request: Request) -> dict[str, Any]:
    return {
        "model_id": request.model_id,
        "units": request.units,
        "term": request.term.value,
        "usd_per_hour": str(request.usd_per_hour_in_all),
        "expires_at": iso(request.expires_at),
    }


def _scalar(value: str | float) -> str | float | None:
    return _text(value) if isinstance(value, str) else _number(value)


def _number(value: float) -> float | None:
    """JSON has no NaN and no infinity."""
    return value if isfinite(value) else None


def _text(text: str) -> str:
    """Text from outside on one line."""
    printable = "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )
    return printable if len(printable) <= _LONGEST else f"{printable[: _LONGEST - 3]}..."
