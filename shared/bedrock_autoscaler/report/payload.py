"""A target's record as the review page carries it: small, and unpacked only where it is looked at.

Series are 32-bit floats, the list of decisions is a table by columns, and the evidence comes in
blocks of some hundred decisions. Each part is compressed by itself.
"""

import gzip
import json
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from bedrock_autoscaler.domain.decision import Classification, Decision
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent, ReleaseIntent
from bedrock_autoscaler.domain.reason import ReasonCode
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import iso, units_text, whole_minutes
from bedrock_autoscaler.report.expected import expected_lines
from bedrock_autoscaler.report.rates import rate_line
from bedrock_autoscaler.report.realised import Realised
from bedrock_autoscaler.report.record import Record
from bedrock_autoscaler.report.savings import Outlook, Savings, Sums
from bedrock_autoscaler.report.wording import (
    Kind,
    differs,
    in_turn,
    kind_of,
    leading_reason,
    summary,
)

BLOCK = 400
"""Decisions to a block of evidence: unpacking one takes some milliseconds."""

CODES = tuple(code.value for code in ReasonCode)
KINDS = tuple(kind.value for kind in Kind)
LOOPS = tuple(loop.value for loop in Loop)
SERIES = ("demand", "in_service", "held", "throttles", "paid", "units_paid", "reference")
"""One value a minute; the last three are USD since the start.

The reference runs beside what is paid where it is not known, so that their distance is what was
saved; it is a gap throughout where no minute has one.
"""

_THOUSAND = 1000.0
_LITTLE_FLOATS = np.dtype("<f4")

type Json = Any
"""What JSON can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """One target's parts; `head` is read at once, the others when they are needed.

    Attributes:
        series, decisions, evidence: compressed, as text.
    """

    head: dict[str, Json]
    series: str
    decisions: str
    evidence: tuple[str, ...]


def payload_of(
    record: Record, realised: Realised, savings: Savings, judged: Sequence[Outlook]
) -> Payload:
    """Pack one target."""
    decisions = record.decisions
    target = record.newest_policy
    evidence = _evidence(record, judged)
    has_units = bool((~np.isnan(realised.demand)).any())
    return Payload(
        head={
            "name": record.name,
            "mode": target.mode.value if target else "",
            "settings": target.settings_version if target else "",
            "start": int(record.start.timestamp()),
            "minutes": record.minutes,
            "unit": "model units" if has_units else "1,000 tokens a minute",
            "decisions": len(decisions),
            "blocks": len(evidence),
            "savings": _savings(savings),
        },
        series=_packed(_series(realised, has_units=has_units)),
        decisions=_packed_json(_table(record)),
        evidence=tuple(map(_packed_json, evidence)),
    )


# -- series ------------------------------------------------------------------------------------


def _series(realised: Realised, *, has_units: bool) -> bytes:
    demand = realised.demand if has_units else realised.tokens / _THOUSAND
    paid = np.cumsum(realised.paid_usd)
    reference = paid + np.cumsum(realised.saved_usd)
    has_reference = bool((~np.isnan(realised.reference_usd)).any())
    rows = (
        demand,
        realised.in_service,
        realised.held,
        realised.throttles,
        paid,
        np.cumsum(realised.units_usd),
        reference if has_reference else np.full(len(realised), np.nan),
    )
    return np.array(rows).astype(_LITTLE_FLOATS).tobytes()


# -- the list ----------------------------------------------------------------------------------


class _Index:
    """Numbers for values as they first come up."""

    def __init__(self) -> None:
        self.values: list[Json] = []
        self._known: dict[Json, int] = {}

    def __call__(self, value: Json) -> int:
        if value not in self._known:
            self._known[value] = len(self.values)
            self.values.append(value)
        return self._known[value]


def _table(record: Record) -> dict[str, Json]:
    """The members that are listed, filtered and drawn, by column, oldest decision first."""
    classes, verdicts, texts, whys, sets = _Index(), _Index(), _Index(), _Index(), _Index()
    columns: dict[str, list[Json]] = {
        name: []
        for name in (
            "at", "loop", "kind", "new", "actual", "desired", "allowed", "class", "verdict", "usd",
            "text", "why", "set",
        )
    }  # fmt: skip
    for one, before in in_turn(record.decisions):
        found = one.classification
        row = (
            whole_minutes(one.scheduled_at - record.start),
            LOOPS.index(one.loop.value),
            KINDS.index(kind_of(one, before).value),
            int(differs(one, before)),
            one.actual_units,
            one.desired_units,
            one.allowed_units,
            classes(found.label.value if found else ""),
            verdicts(found.verdict.value if found else ""),
            _usd(one.expected_saving_usd_per_hour),
            texts(summary(one)),
            whys(leading_reason(one)),
            sets(tuple(CODES.index(reason.code.value) for reason in one.reasons)),
        )
        for column, value in zip(columns.values(), row, strict=True):
            column.append(value)
    return columns | {
        "classes": classes.values,
        "verdicts": verdicts.values,
        "texts": texts.values,
        "whys": whys.values,
        "sets": sets.values,
    }


# -- evidence ----------------------------------------------------------------------------------


def _evidence(record: Record, judged: Sequence[Outlook]) -> list[list[Json]]:
    """Blocks of the decisions' evidence, in the order of the list."""
    came = {outlook.decision_id: outlook for outlook in judged}
    outcomes: dict[str, list[str]] = {}
    for purchase in record.state.purchases:
        outcomes.setdefault(purchase.decision_id, []).extend(_purchase_lines(purchase))
    for release in record.state.releases:
        outcomes.setdefault(release.decision_id, []).append(_release_line(release))
    rows = [_row(one, came.get(one.id), outcomes.get(one.id, [])) for one in record.decisions]
    return [rows[first : first + BLOCK] for first in range(0, len(rows), BLOCK)]


def _row(one: Decision, outlook: Outlook | None, outcomes: list[str]) -> dict[str, Json]:
    """What is said of one decision; what it has nothing of is left out."""
    expected = list(expected_lines(one))
    if one.unit_rate is not None:
        expected.append(rate_line(one.unit_rate))
    row: dict[str, Json] = {
        "mode": one.mode.value,
        "settings": one.settings_version,
        "reasons": [[CODES.index(reason.code.value), reason.message] for reason in one.reasons],
        "expected": expected,
        "sizes": [
            [
                size.units,
                *map(
                    _usd,
                    (size.units_usd, size.overflow_usd, size.throttle_usd, size.total_usd),
                ),
                _number(size.utilization),
            ]
            for size in one.alternatives
        ],
        "routes": [[route.kind.value, route.address, route.weight] for route in one.routes],
        "class": _class(one.classification),
        "outcomes": outcomes,
    }
    if outlook is not None:
        row["outlook"] = [
            outlook.units,
            outlook.best_units,
            *map(
                _usd,
                (
                    outlook.expected_usd,
                    outlook.came_usd,
                    outlook.best_usd,
                    outlook.expected_throttle_usd,
                    outlook.came_throttle_usd,
                ),
            ),
        ]
    return {name: value for name, value in row.items() if value}


def _class(found: Classification | None) -> Json:
    return found and [found.label.value, found.verdict.value, _number(found.confidence)]


def _purchase_lines(intent: PurchaseIntent) -> Iterator[str]:
    detail = f" ({intent.detail})" if intent.detail else ""
    yield (
        f"purchase of {units_text(intent.model_units)} at {intent.usd_per_hour:,.2f} USD an hour: "
        f"{intent.state.value.replace('_', ' ')}{detail}"
    )
    for name, moment in (
        ("paid from", intent.billed_from),
        ("in service since", intent.in_service_since),
        ("ended", intent.ended_at),
    ):
        if moment is not None:
            yield f"{name} {iso(moment)}"


def _release_line(intent: ReleaseIntent) -> str:
    ended = f" at {iso(intent.ended_at)}" if intent.ended_at else ""
    return f"release of {units_text(intent.model_units)}: {intent.state.value}{ended}"


# -- the savings ledger ------------------------------------------------------------------------


def _savings(savings: Savings) -> dict[str, Json]:
    return {
        "days": [[day.isoformat(), *_sums(sums)] for day, sums in savings.days],
        "total": ["total", *_sums(savings.total)],
        "monthUnits": _usd(savings.month_units_usd),
        "purchases": [
            [
                row.decision_id,
                row.units,
                row.state.value.replace("_", " "),
                iso(row.recorded_at),
                iso(row.ended_at) if row.ended_at else "",
                _usd(row.paid_usd),
                _usd(row.avoided_usd),
            ]
            for row in savings.purchases
        ],
    }


def _sums(one: Sums) -> list[float | None]:
    """In the order of the page's columns; shares from 0 to 1, None where there is nothing."""
    hours = one.judged_unit_hours
    judged = (one.expected_usd, one.came_usd, one.regret_usd)
    return [
        *map(_usd, (one.units_usd, one.on_demand_usd, one.paid_usd)),
        *map(_usd, (one.all_on_demand_usd, one.saved_usd)),
        _share(one.throttles, one.requests + one.throttles),
        *(map(_usd, judged) if one.judged else [None] * len(judged)),
        _share(one.expected_throttled, hours),
        _share(one.came_throttled, hours),
        _share(one.known_minutes, one.minutes),
    ]


# -- packing -----------------------------------------------------------------------------------


def _number(value: float) -> float | None:
    """To six digits; None for what JSON has no number for."""
    if not isfinite(value):
        return None
    return _short(float(f"{value:.6g}"))


def _usd(value: float | None) -> float | None:
    """To the cent, as the page prints it; None for what JSON has no number for."""
    return None if value is None or not isfinite(value) else _short(round(value, 2))


def _share(part: float, whole: float) -> float | None:
    return _number(part / whole) if whole else None


def _short(value: float) -> float:
    return int(value) if value.is_integer() else value


def _packed(content: bytes) -> str:
    return b64encode(gzip.compress(content, mtime=0)).decode("ascii")


def _packed_json(value: Json) -> str:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return _packed(text.encode())
