"""What may strike a call, which calls it may strike, and the errors that tell of it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from bedrock_autoscaler.application.errors import (
    CapacityUnavailableError,
    ObservationError,
    StaleDecisionError,
    UnknownOutcomeError,
)


class Killed(BaseException):
    """The function was killed here; no handler of the application may see it."""


class OracleBrokenError(BaseException):
    """An oracle failed by itself; no handler of the application may take it for a failed pass."""


class Kind(StrEnum):
    """A fault at one call, seen from its effect."""

    ERROR = "error"  # an error answer, nothing happened
    TIMEOUT = "timeout"  # no answer until the SDK gave up, nothing happened
    CONFLICT = "conflict"  # a condition is refused although it held: a neighbour's transaction
    LOST = "answer lost"  # it happened, the answer did not come
    RESENT = "sent again"  # the answer to the SDK's first attempt is lost, its second one comes
    LATE = "late effect"  # no answer, and it happens some minutes later
    PARTIAL = "partial"  # a part of the answer is missing, and the answer says so
    UNKNOWN = "unknown value"  # the answer comes without the value
    STOP = "unreadable switch"  # the switch cannot be read, or is misspelled
    BUG = "unexpected error"  # an exception of no documented class
    DEATH_BEFORE = "killed before"  # the function dies right before the call
    DEATH_AFTER = "killed after"  # it dies after the effect, before the answer is read
    CLOSES = "switch closes"  # a person sets the kill switch right before the call
    STEPS_BACK = "clock steps back"  # the clock of this environment is set back by a minute
    # refusals of a purchase, by AWS's code
    QUOTA = "ServiceQuotaExceededException"
    DENIED = "AccessDeniedException"
    LEGACY = "ValidationException"
    NAME = "ConflictException"
    ABSENT = "ResourceNotFoundException"
    TAGS = "TooManyTagsException"
    # answers after which the outcome is open, by AWS's code
    THROTTLED = "ThrottlingException"
    INTERNAL = "InternalServerException"


REFUSALS: Final = (Kind.QUOTA, Kind.DENIED, Kind.LEGACY, Kind.NAME, Kind.ABSENT, Kind.TAGS)
_ANYWHERE: Final = (Kind.DEATH_BEFORE, Kind.DEATH_AFTER, Kind.BUG)
_READ: Final = (Kind.ERROR, Kind.TIMEOUT, *_ANYWHERE)
_WRITE: Final = (Kind.ERROR, Kind.TIMEOUT, Kind.LOST, *_ANYWHERE)
_CONDITIONAL: Final = (*_WRITE, Kind.CONFLICT)

EVERYWHERE: Final = (Kind.CLOSES, Kind.STEPS_BACK)
"""What may happen beside any call, and does nothing to the call itself."""

ANY_CALL: Final = "any call"

POSSIBLE: Final[Mapping[str, tuple[Kind, ...]]] = {
    "settings.documents": _READ,
    "settings.last_good": _READ,
    "settings.keep_last_good": _WRITE,
    "switch.allows_action": (Kind.STOP, *_ANYWHERE),
    "decisions.latest": _READ,
    "decisions.record": _WRITE,
    "fleets.state_of": _READ,
    "fleets.record_of": _READ,
    "fleets.account": _READ,
    "fleets.consent": _READ,
    "fleets.trip": _CONDITIONAL,
    "fleets.purchases": _READ,
    "fleets.releases": _READ,
    "fleets.begin_purchase": _CONDITIONAL,
    "fleets.update_purchase": _CONDITIONAL,
    "fleets.begin_release": _CONDITIONAL,
    "fleets.update_release": _CONDITIONAL,
    "capacity.inventory": (*_READ, Kind.PARTIAL),
    "capacity.is_active": (Kind.UNKNOWN, *_ANYWHERE),
    "capacity.end_of_life": (Kind.UNKNOWN, *_ANYWHERE),
    "capacity.model_unit_quota": (Kind.UNKNOWN, *_ANYWHERE),
    "purchasing.buy": (
        *REFUSALS,
        Kind.THROTTLED,
        Kind.INTERNAL,
        Kind.TIMEOUT,
        Kind.LOST,
        Kind.RESENT,
        Kind.LATE,
        *_ANYWHERE,
    ),
    "purchasing.find": _READ,
    "releasing.get": _READ,
    "releasing.delete": (
        Kind.NAME,
        Kind.DENIED,
        Kind.LEGACY,
        Kind.THROTTLED,
        Kind.INTERNAL,
        Kind.TIMEOUT,
        Kind.LOST,
        Kind.RESENT,
        Kind.LATE,
        *_ANYWHERE,
    ),
    "metrics.read": (*_READ, Kind.PARTIAL),
    "metrics.model_ids": _READ,
    "metrics.beat": _WRITE,
    "history.store": _WRITE,
    "history.load": _READ,
    "tables.current": _READ,
    "tables.publish": _CONDITIONAL,
    "tables.project": _CONDITIONAL,
    "tables.overtake": _CONDITIONAL,
    "endpoints.state": _READ,
    "endpoints.scale": (
        Kind.ERROR,
        Kind.QUOTA,
        Kind.DENIED,
        Kind.LEGACY,
        Kind.NAME,
        Kind.ABSENT,
        Kind.THROTTLED,
        Kind.INTERNAL,
        Kind.TIMEOUT,
        Kind.LOST,
        Kind.RESENT,
        Kind.LATE,
        *_ANYWHERE,
    ),
    "scalings.record_of": _READ,
    "scalings.write": _CONDITIONAL,
    "policies.keep": _WRITE,
    "policies.target": _READ,
    "policies.roster": _READ,
    "agenda.entries": _READ,
    "agenda.note": _WRITE,
    "approvals.ask": _WRITE,
    "approvals.asked": _READ,
    "approvals.answer": _READ,
}
"""Every call of the application to the outside, and what may strike it."""

_OF_FLEETS: Final = ("policies.", "agenda.")
_OF_PERSONS: Final = ("endpoints.", "scalings.", "approvals.", "tables.overtake")

SCHEDULED: Final = {
    call: kinds
    for call, kinds in POSSIBLE.items()
    if not call.startswith((*_OF_PERSONS, *_OF_FLEETS))
}
"""Those that all schedules make."""

OF_PERSONS: Final = {
    call: kinds for call, kinds in POSSIBLE.items() if call.startswith(_OF_PERSONS)
}
"""Those that come up in stories, in schedules in which persons act, or after another fault."""

OF_FLEETS: Final = {call: kinds for call, kinds in POSSIBLE.items() if call.startswith(_OF_FLEETS)}
"""Those of dispatchers, workers, and of who acts beside them."""

_CANNOT: Final[Mapping[Kind, str]] = {
    Kind.LOST: "a read has no effect whose answer could be lost",
    Kind.RESENT: "sending it again has no second effect: its condition or its content forbids it",
    Kind.LATE: "only a call to Bedrock may take effect minutes after it was sent",
    Kind.CONFLICT: "it writes under no condition",
    Kind.PARTIAL: "its answer has no parts",
    Kind.UNKNOWN: "the port answers with a value or an error, never without a value",
    Kind.STOP: "only the switch has a value that stands for its absence",
    Kind.ERROR: "the port turns every failure of this call into a value or a code",
    Kind.TIMEOUT: "the port turns a time-out of this call into its cautious value",
}


def why_impossible(call: str, kind: Kind) -> str | None:
    """Why this kind cannot strike this call; None when it can."""
    if kind in POSSIBLE[call] or kind in EVERYWHERE:
        return None
    if kind in _CANNOT:
        return _CANNOT[kind]
    return "the call has no outcome of this code in Bedrock's service model that the port tells"


def error_of(call: str, kind: Kind) -> Exception:
    """The error by which the port tells of this fault."""
    text = f"simulated: {call} {kind.value}"
    if kind is Kind.BUG:
        return KeyError(text)
    if kind is Kind.CONFLICT:
        return StaleDecisionError(text)
    if call == "endpoints.scale" and kind is Kind.NAME:
        return StaleDecisionError(text)  # somebody else is changing it
    if call in {"purchasing.buy", "endpoints.scale"} and kind in REFUSALS:
        return CapacityUnavailableError(text, code=kind.value)
    if kind in {Kind.LOST, Kind.LATE} or call in {"purchasing.buy", "releasing.delete"}:
        return UnknownOutcomeError(text)
    if kind in {Kind.THROTTLED, Kind.INTERNAL}:
        return UnknownOutcomeError(text)
    if kind is Kind.TIMEOUT and Kind.LOST in POSSIBLE[call]:
        return UnknownOutcomeError(text)
    return ObservationError(text)
