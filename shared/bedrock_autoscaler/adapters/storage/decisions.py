"""The append-only decision log in the ledger table.

Keys: `TARGET#<name>`, `DECISION#<loop>#<scheduled time>`. The attributes are readable in the
console; `document` (the decision) and `inputs` (the situation without its target, and the
history it names) are compressed JSON. The target itself is an item of its own per settings
version (`SETTINGS`, `VERSION#<name>#<settings version>`), so that decisions need not repeat it.
Nor do `inputs` repeat the memory that the decision before left in its `document`: they name it.
"""

import zlib
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, assert_never, override
from weakref import WeakValueDictionary

from bedrock_autoscaler.adapters.storage.codec import (
    SCHEMA,
    decode_decision,
    decode_inputs,
    decode_memory,
    decode_remembered,
    encode_decision,
    encode_inputs,
    require_schema,
)
from bedrock_autoscaler.adapters.storage.table import (
    ConditionFailedError,
    Item,
    NoAnswerError,
    Table,
)
from bedrock_autoscaler.adapters.storage.versions import ABSENT, TargetVersions
from bedrock_autoscaler.application.errors import ObservationError, UnknownOutcomeError
from bedrock_autoscaler.application.observing.counting import counted
from bedrock_autoscaler.application.ports.decisions import Decisions, RecordedDecision, Remembered
from bedrock_autoscaler.application.ports.history import History
from bedrock_autoscaler.domain.decision import (
    Action,
    Decision,
    Memory,
    Purchase,
    Release,
    Restore,
    decision_id,
)
from bedrock_autoscaler.domain.target import Loop, Target
from bedrock_autoscaler.domain.traffic.joining import join
from bedrock_autoscaler.domain.units import iso

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_AFTER_ALL_TIMES = "~"
_RECORD = ("id", "schema", "code_version", "document", "inputs")
"""What a decision is read back from; the rest of an item is for people."""
_LEVEL = 1
"""Of compression: thrice as fast as the usual one, for a tenth more bytes."""


class DynamoDecisions(Decisions):
    """Decisions over one table.

    Args:
        client: of DynamoDB.
        table: the ledger.
        versions: of targets, where a process has read those that it decides; None: its own.
    """

    def __init__(
        self, client: "DynamoDBClient", table: str, versions: TargetVersions | None = None
    ) -> None:
        self._table = Table(client, table)
        self._versions = versions or TargetVersions(client, table)
        # No longer than the run holds on to what it was given.
        self._remembered: WeakValueDictionary[tuple[str, Loop], Remembered] = WeakValueDictionary()

    @override
    def record(self, recorded: RecordedDecision) -> bool:
        """Write the target's version if it is new, then the decision if its id is."""
        decision = recorded.decision
        self._versions.keep(recorded.situation.target)
        item = _to_item(recorded, self._memory_of(recorded))
        try:
            self._table.put(item, condition=ABSENT)
        except ConditionFailedError:
            return False
        except NoAnswerError as error:
            return self._read_back(item, decision.id, error)
        return True

    @override
    def exists(self, decision_id: str, target: str, loop: Loop) -> bool:
        """Whether there is an item at the decision's key."""
        time = _time_of_id(decision_id)
        if time is None:
            return False
        key = {"pk": _partition(target), "sk": _sort_key(loop, time)}
        return self._table.get(key, attributes=("pk",)) is not None

    @override
    def latest(self, target: str, loop: Loop) -> RecordedDecision | None:
        """The last item by sort key; a memory that it names is not read."""
        item = self._newest(target, loop)
        return None if item is None else self._from_item(item)

    @override
    def remembered(self, target: str, loop: Loop) -> Remembered | None:
        """Of the last item by sort key."""
        item = self._newest(target, loop)
        if item is None:
            return None
        subject = _subject(item)
        found = decode_remembered(
            _inflated(item, "document", subject), _inflated(item, "inputs", subject), subject
        )
        self._remembered[target, loop] = found
        return found

    def _memory_of(self, recorded: RecordedDecision) -> datetime | None:
        """When the decision was scheduled whose stored memory this one rests on, if one is known.

        Only what was read from its record by this very process counts: of anything else nobody
        knows whether the record has it.
        """
        situation = recorded.situation
        found = self._remembered.pop((recorded.decision.target, situation.loop), None)
        is_read = found is not None and found.memory is situation.memory
        return found.scheduled_at if found is not None and is_read else None

    def _memory_left(self, target: str, loop: Loop, scheduled_at: datetime) -> Memory:
        """What the decision of this time left for the next one."""
        key = {"pk": _partition(target), "sk": _sort_key(loop, iso(scheduled_at))}
        item = self._table.get(key, attributes=("id", "schema", "document"))
        if item is None:
            text = f"decision of {target}, {loop.value}, {iso(scheduled_at)}"
            raise ObservationError(f"{text} is missing, whose memory a later one rests on")
        subject = _subject(item)
        return decode_memory(_inflated(item, "document", subject), subject)

    def _newest(self, target: str, loop: Loop) -> Item | None:
        """What is read back of the newest decision."""
        prefix = _sort_key(loop, "")
        found = self._table.query(
            _partition(target),
            first=prefix,
            last=prefix + _AFTER_ALL_TIMES,
            attributes=_RECORD,
            newest=1,
        )
        return next(found, None)

    @override
    def between(
        self, target: str, loop: Loop | None, start: datetime, end: datetime
    ) -> tuple[Decision, ...]:
        """The decisions of [start, end) of one loop or of both, without their inputs."""
        found: list[Decision] = []
        for each in Loop if loop is None else (loop,):
            items = self._table.query(
                _partition(target),
                first=_sort_key(each, iso(start)),
                last=_sort_key(each, iso(end)),
                attributes=("id", "schema", "document"),
            )
            found += [_to_decision(item) for item in items]
        inside = [decision for decision in found if start <= decision.scheduled_at < end]
        return tuple(sorted(inside, key=lambda decision: (decision.scheduled_at, decision.loop)))

    @override
    def load(self, decision_id: str, history: History) -> RecordedDecision | None:
        """The item with the minutes of its history put before its own."""
        key = _key_of_id(decision_id)
        item = self._table.get(key) if key else None
        if item is None:
            return None
        recorded = self._from_item(item, is_whole=True)
        if recorded.history is None:
            return recorded
        stored = history.load_exact(recorded.decision.target, recorded.history)
        observation = recorded.situation.observation
        kept = counted(stored.total, stored.traffic, recorded.situation.target)
        whole = replace(observation, traffic=join(kept, observation.traffic))
        return replace(recorded, situation=replace(recorded.situation, observation=whole))

    def policy(self, target: str, settings_version: str) -> Target:
        """The target as its decisions under this settings version had it.

        Raises:
            ObservationError: it is not kept, or cannot be read.
        """
        return self._versions.target(target, settings_version)

    def _read_back(self, item: Item, subject: str, error: NoAnswerError) -> bool:
        """Whether our item is the one that is kept."""
        try:
            kept = self._table.get({"pk": item["pk"], "sk": item["sk"]})
        except ObservationError as unread:
            raise UnknownOutcomeError(f"decision {subject}: {error}; {unread}") from error
        if kept is None:
            raise UnknownOutcomeError(f"decision {subject}: {error}") from error
        return bool(kept["document"] == item["document"] and kept["inputs"] == item["inputs"])

    def _from_item(self, item: Item, *, is_whole: bool = False) -> RecordedDecision:
        decision = _to_decision(item)
        subject = f"decision {decision.id}"
        target = self._versions.target(decision.target, decision.settings_version)
        left = partial(self._memory_left, decision.target) if is_whole else None
        inputs = _inflated(item, "inputs", subject)
        situation, history = decode_inputs(inputs, target, subject, left)
        return RecordedDecision(
            decision=decision,
            situation=situation,
            history=history,
            code_version=item["code_version"],
        )


# -- keys --------------------------------------------------------------------------------------


def _partition(target: str) -> str:
    return f"TARGET#{target}"


def _sort_key(loop: Loop, time: str) -> str:
    return f"DECISION#{loop.value}#{time}"


def _key_of_id(decision_id: str) -> Item | None:
    """The key of the item with this id; None when it is no id of a decision."""
    target, _, loop = decision_id.rpartition("-")[0].rpartition("-")
    time = _time_of_id(decision_id)
    if time is None or loop not in Loop:
        return None
    return {"pk": _partition(target), "sk": _sort_key(Loop(loop), time)}


def _time_of_id(decision_id: str) -> str | None:
    try:
        return iso(datetime.strptime(decision_id.rpartition("-")[2], "%Y%m%dT%H%M%S%z"))
    except ValueError:
        return None


# -- items -------------------------------------------------------------------------------------


def _to_item(recorded: RecordedDecision, memory_of: datetime | None) -> Item:
    """The item, without the minutes that the history names, or the memory of `memory_of`."""
    decision, situation, history = recorded.decision, recorded.situation, recorded.history
    if decision.id != decision_id(decision.target, decision.loop, decision.scheduled_at):
        raise ValueError(f"decision {decision.id} has an id of another tick")
    for action in decision.actions:
        if isinstance(action, Purchase) and not action.usd_per_hour.is_finite():
            # It could be written, but never be read again.
            raise ValueError(f"decision {decision.id} asks for {action.usd_per_hour} USD per hour")
    observation = situation.observation
    newer = observation.traffic
    if history is not None:
        if history.revisions and observation.traffic.start != history.start:
            raise ValueError(
                f"decision {decision.id} has traffic from {iso(observation.traffic.start)}, its "
                f"history starts at {iso(history.start)}"
            )
        newer = newer.since(history.end)
    return {
        "pk": _partition(decision.target),
        "sk": _sort_key(decision.loop, iso(decision.scheduled_at)),
        "schema": SCHEMA,
        **_summary(decision),
        "code_version": recorded.code_version,
        "document": zlib.compress(encode_decision(decision), _LEVEL),
        "inputs": zlib.compress(encode_inputs(situation, history, newer, memory_of), _LEVEL),
    }


def _summary(decision: Decision) -> Item:
    """What a person wants to see in the console."""
    classification, saving = decision.classification, decision.expected_saving_usd_per_hour
    return {
        "id": decision.id,
        "target": decision.target,
        "loop": decision.loop.value,
        "scheduled_at": iso(decision.scheduled_at),
        "mode": decision.mode.value,
        "settings_version": decision.settings_version,
        "label": classification.label.value if classification else None,
        "verdict": classification.verdict.value if classification else None,
        "desired_units": decision.desired_units,
        "allowed_units": decision.allowed_units,
        "actual_units": decision.actual_units,
        "actions": [_describe(action) for action in decision.actions],
        "reason_codes": [reason.code.value for reason in decision.reasons],
        "reasons": [reason.message for reason in decision.reasons],
        "expected_saving_usd_per_hour": Decimal(f"{saving:.6f}") if isfinite(saving) else None,
    }


def _describe(action: Action) -> str:
    match action:
        case Purchase():
            return f"buy {action.model_units} of {action.model_id} for {action.usd_per_hour} USD/h"
        case Release():
            return f"release {action.model_units} of {action.arn}"
        case Restore():
            return f"restore {action.model_units} of {action.arn}"
        case _:
            assert_never(action)


def _to_decision(item: Item) -> Decision:
    subject = _subject(item)
    return decode_decision(_inflated(item, "document", subject), subject)


def _subject(item: Item) -> str:
    """How messages call it, once it is known to be readable."""
    subject = f"decision {item.get('id')}"
    require_schema(item.get("schema"), subject)
    return subject


def _inflated(item: Item, attribute: str, subject: str) -> bytes:
    try:
        return zlib.decompress(item[attribute])
    except (KeyError, TypeError, zlib.error) as error:
        raise ObservationError(f"{subject} is damaged in {attribute}") from error
