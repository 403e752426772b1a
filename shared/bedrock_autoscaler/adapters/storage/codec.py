"""The stored form of values: JSON that gives back an equal value.

pydantic maps the domain's dataclasses as they are. Where a value has no JSON form of its own
(traffic is arrays; two actions have the same members) a subclass here says how it is stored; the
subclass takes every other member from the domain, so that a new one cannot be forgotten. The form
of traffic is in `stored_traffic`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, PlainSerializer, PlainValidator, TypeAdapter, ValidationError

from bedrock_autoscaler.adapters.storage.stored_traffic import StoredReference, StoredTraffic
from bedrock_autoscaler.application.errors import NewerRecordError, ObservationError
from bedrock_autoscaler.application.ports.decisions import Remembered
from bedrock_autoscaler.application.ports.history import HistoryReference
from bedrock_autoscaler.domain.consents.consent import RecordedConsent
from bedrock_autoscaler.domain.decision import (
    NO_MEMORY,
    Action,
    Decision,
    Memory,
    Purchase,
    Release,
    Restore,
    Situation,
)
from bedrock_autoscaler.domain.fleet.holdings import Fleet
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.target import Commitment, Loop, Target
from bedrock_autoscaler.domain.traffic.observation import (
    ModelEnd,
    Observation,
    TermFacts,
    Traffic,
)

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SCHEMA = 1
"""Version of every stored form here; a record with a higher one is not touched."""

_ACTIONS: dict[str, TypeAdapter[Any]] = {
    "purchase": TypeAdapter(Purchase),
    "release": TypeAdapter(Release),
    "restore": TypeAdapter(Restore),
}


def require_schema(schema: object, subject: str) -> None:
    """Refuse what a newer version of this code has written.

    Raises:
        NewerRecordError: `schema` is no whole number up to SCHEMA.
    """
    if not isinstance(schema, int | Decimal) or not 1 <= schema <= SCHEMA:
        raise NewerRecordError(
            f"{subject} has schema {schema!r}, this version knows 1 to {SCHEMA}; it is left alone"
        )


# -- decisions and situations ------------------------------------------------------------------


def _write_action(action: Action) -> dict[str, Any]:
    name = type(action).__name__.lower()
    members: dict[str, Any] = _ACTIONS[name].dump_python(action, mode="json")
    return {"action": name, **members}


def _read_action(stored: object) -> Action:
    if not isinstance(stored, Mapping) or stored.get("action") not in _ACTIONS:
        raise ValueError(f"an action must be one of {sorted(_ACTIONS)}")
    members = {key: value for key, value in stored.items() if key != "action"}
    action: Action = _ACTIONS[stored["action"]].validate_python(members)
    return action


type _StoredAction = Annotated[
    Purchase | Release | Restore, PlainValidator(_read_action), PlainSerializer(_write_action)
]

# Strings keep NaN and infinities, for which JSON has no number.
_STRICT_JSON = ConfigDict(ser_json_inf_nan="strings")


@dataclass(frozen=True, slots=True, kw_only=True)
class _StoredDecision(Decision):
    __pydantic_config__ = _STRICT_JSON

    actions: tuple[_StoredAction, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _StoredObservation(Observation):
    traffic: StoredTraffic
    by_option: tuple[tuple[str, StoredTraffic], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _StoredInputs:
    """A situation without its target, which is stored apart, and its history."""

    __pydantic_config__ = _STRICT_JSON

    loop: Loop
    scheduled_at: datetime
    observation: _StoredObservation
    fleet: Fleet
    routes: tuple[Route, ...]
    memory: Memory | None  # None: that of the decision at `memory_of`, which keeps it
    history: StoredReference | None
    memory_of: datetime | None = None  # records of before kept a memory of their own
    is_late: bool = False  # records of before it was noted have none
    consents: tuple[RecordedConsent, ...] = ()  # likewise
    rejected: tuple[str, ...] = ()  # likewise
    unreachable: str = ""  # likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class _LeftByDecision:
    """What the next decision needs of a stored one; the rest is passed over."""

    scheduled_at: datetime
    memory: Memory


@dataclass(frozen=True, slots=True, kw_only=True)
class _LeftByInputs:
    """What the next decision needs of stored inputs."""

    observation: _StoredObservation


_DECISION = TypeAdapter(_StoredDecision)
_LEFT_BY_DECISION = TypeAdapter(_LeftByDecision)
_LEFT_BY_INPUTS = TypeAdapter(_LeftByInputs)
_INPUTS = TypeAdapter(_StoredInputs)
_TARGET = TypeAdapter(Target)


def _members(value: "DataclassInstance") -> dict[str, Any]:
    """The members of a dataclass, one level deep."""
    return {name: getattr(value, name) for name in _names(type(value))}


@cache
def _names(kind: type["DataclassInstance"]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def encode_decision(decision: Decision) -> bytes:
    """The decision as JSON."""
    return _DECISION.dump_json(_StoredDecision(**_members(decision)))


def decode_decision(stored: bytes, subject: str) -> Decision:
    """The decision of `encode_decision`.

    Raises:
        ObservationError: it cannot be read; the message starts with `subject`.
    """
    return Decision(**_members(_parse(_DECISION, stored, subject)))


def encode_inputs(
    situation: Situation,
    history: HistoryReference | None,
    newer: Traffic | None = None,
    memory_of: datetime | None = None,
) -> bytes:
    """The situation without its target, and the history, as JSON.

    Args:
        situation: of the decision.
        history: names stored minutes at the front of its traffic.
        newer: the minutes of its traffic after these, all that is written of it; None: the whole.
        memory_of: scheduled time of the stored decision of the same loop that left the memory,
            which is then not written again; None: it is written.
    """
    members = _members(situation)
    del members["target"]
    if memory_of is not None:
        members |= {"memory": None, "memory_of": memory_of}
    observed = _members(situation.observation)
    if newer is not None:
        observed["traffic"] = newer
    members["observation"] = _StoredObservation(**observed)
    return _INPUTS.dump_json(_StoredInputs(**members, history=history))


def decode_inputs(
    stored: bytes,
    target: Target,
    subject: str,
    memory_left: Callable[[Loop, datetime], Memory] | None = None,
) -> tuple[Situation, HistoryReference | None]:
    """What `encode_inputs` was given, with `target` put back.

    Args:
        stored: the inputs.
        target: of the situation.
        subject: how messages call it.
        memory_left: what the decision of this loop and scheduled time left for the next one; None:
            a memory that is kept there is not looked up, and none takes its place.

    Raises:
        ObservationError: it cannot be read; the message starts with `subject`.
    """
    members = _members(_parse(_INPUTS, stored, subject))
    history: HistoryReference | None = members.pop("history")
    left_at = members.pop("memory_of")
    if members["memory"] is None:
        if left_at is None:
            raise ObservationError(f"{subject} cannot be read: it has no memory")
        members["memory"] = memory_left(members["loop"], left_at) if memory_left else NO_MEMORY
    observation = Observation(**_members(members["observation"]))
    members["observation"] = _with_term_facts(observation, members["consents"])
    return Situation(target=target, **members), history


def _with_term_facts(observation: Observation, consents: Iterable[RecordedConsent]) -> Observation:
    """The observation with what a term was decided upon before records told it apart.

    That was the quota of units without commitment, and the end of the model as its study has it.
    """
    is_whole = observation.term_facts is not None
    if is_whole or all(one.term is Commitment.NONE for one in consents):
        return observation
    facts = TermFacts(
        model_end=ModelEnd(at=None),
        unit_quota=observation.model_unit_quota,
        units_used=observation.model_units_used,
    )
    return replace(observation, term_facts=facts)


def decode_remembered(document: bytes, inputs: bytes, subject: str) -> Remembered:
    """What the next decision needs of both texts, at half the work.

    Raises:
        ObservationError: one of them cannot be read; the message starts with `subject`.
    """
    decision = _parse(_LEFT_BY_DECISION, document, subject)
    left = _parse(_LEFT_BY_INPUTS, inputs, subject)
    return Remembered(
        scheduled_at=decision.scheduled_at,
        memory=decision.memory,
        observation=Observation(**_members(left.observation)),
    )


def decode_memory(document: bytes, subject: str) -> Memory:
    """What a stored decision leaves for the next one.

    Raises:
        ObservationError: it cannot be read; the message starts with `subject`.
    """
    return _parse(_LEFT_BY_DECISION, document, subject).memory


def encode_target(target: Target) -> str:
    """The target as JSON."""
    return _TARGET.dump_json(target).decode()


def decode_target(stored: str, subject: str) -> Target:
    """The target of `encode_target`.

    Raises:
        ObservationError: it cannot be read; the message starts with `subject`.
    """
    return _parse(_TARGET, stored.encode(), subject)


# -- values of scalars -------------------------------------------------------------------------


def encode_flat[Value](adapter: TypeAdapter[Value], value: Value) -> dict[str, Any]:
    """A dataclass of scalars as a dict of JSON scalars; decimals and times are strings."""
    plain: dict[str, Any] = adapter.dump_python(value, mode="json")
    return plain


def decode_flat[Value](
    adapter: TypeAdapter[Value], stored: Mapping[str, Any], subject: str
) -> Value:
    """The value of `encode_flat`; members that it does not know are ignored.

    Raises:
        ObservationError: it cannot be read; the message starts with `subject`.
    """
    try:
        return adapter.validate_python(stored)
    except ValidationError as error:
        raise ObservationError(f"{subject} cannot be read: {_first(error)}") from error


def _parse[Value](adapter: TypeAdapter[Value], stored: bytes, subject: str) -> Value:
    try:
        return adapter.validate_json(stored)
    except ValidationError as error:
        raise ObservationError(f"{subject} cannot be read: {_first(error)}") from error


def _first(error: ValidationError) -> str:
    """The first problem in one line, without the value, which may be long."""
    problem = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(step) for step in problem["loc"])
    return f"{place}: {problem['msg']}" if place else problem["msg"]
