"""Replay: a stored decision, decided again on what it rested on, must come out the same.

A later version may say the same in other words, which changes nothing that was decided.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from math import isclose, isnan
from typing import override

from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.domain.decide import decide as decide_by_rules
from bedrock_autoscaler.domain.decision import Decision, Situation
from bedrock_autoscaler.domain.units import significant

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
_LAST_BITS = 1e-9
# The sentence of a reason; its code and its numbers are members of their own.
_SENTENCE = ".message"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """One member that came out differently.

    Attributes:
        path: of the member, such as `reasons[2].code`.
        recorded, replayed: both values as text.
    """

    path: str
    recorded: str
    replayed: str

    @property
    def is_wording(self) -> bool:
        """Whether only the sentence of a reason differs."""
        return self.path.endswith(_SENTENCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How a replayed decision differs from the recorded one.

    Attributes:
        code_version: of the package that decided then; another version may well differ.
    """

    decision_id: str
    code_version: str
    mismatches: tuple[Mismatch, ...]

    @property
    def is_wording(self) -> bool:
        """Whether the decision is the same, and a reason says it in other words."""
        return all(mismatch.is_wording for mismatch in self.mismatches)

    @override
    def __str__(self) -> str:
        """The decision on a line, then each mismatch on a line."""
        how = "says the same in other words" if self.is_wording else "replays differently"
        lines = [f"{self.decision_id}, decided by version {self.code_version}, {how}:"]
        lines += [f"  {m.path}: was {m.recorded}, is {m.replayed}" for m in self.mismatches]
        return "\n".join(lines)


def replay(
    recorded: RecordedDecision, decide: Callable[[Situation], Decision] = decide_by_rules
) -> Difference | None:
    """Decide again on the stored situation; None when nothing differs.

    Actions, reasons, routes and money must be equal, numbers to 6 significant digits: two
    processors may differ in the last bits of a sum.

    Args:
        recorded: a decision with its whole situation, stored history included.
        decide: the decision core.
    """
    again = decide(recorded.situation)
    found = tuple(_compare("", recorded.decision, again))
    if not found:
        return None
    return Difference(
        decision_id=recorded.decision.id, code_version=recorded.code_version, mismatches=found
    )


def _compare(path: str, before: object, after: object) -> Iterator[Mismatch]:
    """Every difference between two values of the same shape, depth first."""
    if before is after:
        return
    if type(before) is not type(after):
        yield _mismatch(path, before, after)
    elif is_dataclass(before):
        for field in fields(before):
            name = field.name
            inner = f"{path}.{name}" if path else name
            yield from _compare(inner, getattr(before, name), getattr(after, name))
    elif isinstance(before, tuple) and isinstance(after, tuple):
        yield from _compare_tuples(path, before, after)
    elif not _is_same(path, before, after):
        yield _mismatch(path, before, after)


def _compare_tuples(
    path: str, before: tuple[object, ...], after: tuple[object, ...]
) -> Iterator[Mismatch]:
    if len(before) != len(after):
        yield _mismatch(path, before, after)
        return
    for position, (old, new) in enumerate(zip(before, after, strict=True)):
        yield from _compare(f"{path}[{position}]", old, new)


def _is_same(path: str, before: object, after: object) -> bool:
    if isinstance(before, float) and isinstance(after, float):
        return _is_same_number(before, after)
    if path.endswith(_SENTENCE) and isinstance(before, str) and isinstance(after, str):
        return _is_same_sentence(before, after)
    return before == after


def _is_same_number(before: float, after: float) -> bool:
    """Equal to 6 significant digits, also where the last bits fall on both sides of a rounding."""
    if before == after:
        return True
    if isnan(before) or isnan(after):
        return isnan(before) and isnan(after)
    return significant(before) == significant(after) or isclose(
        before, after, rel_tol=_LAST_BITS, abs_tol=_LAST_BITS
    )


def _is_same_sentence(before: str, after: str) -> bool:
    """Equal words; the numbers in between may differ in their last printed digit.

    A sentence prints few digits, so that last bits can turn one of them.
    """
    if before == after:
        return True
    if _NUMBER.sub("#", before) != _NUMBER.sub("#", after):
        return False
    pairs = zip(_NUMBER.findall(before), _NUMBER.findall(after), strict=True)
    return all(_is_last_digit_apart(old, new) for old, new in pairs)


def _is_last_digit_apart(before: str, after: str) -> bool:
    decimals = len(before.partition(".")[2])
    if decimals == 0 or "e" in before + after:
        return before == after
    return abs(float(before) - float(after)) < 1.5 * 10.0**-decimals


def _mismatch(path: str, before: object, after: object) -> Mismatch:
    return Mismatch(path=path, recorded=_text(before), replayed=_text(after))


def _text(value: object) -> str:
    return f"{len(value)} of them: {value}" if isinstance(value, tuple) else str(value)
