"""What the ledger has of one target over a span of time, read once for whatever is made of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from bedrock_autoscaler.application.observing.counting import counted
from bedrock_autoscaler.application.ports.decisions import Decisions, RecordedDecision
from bedrock_autoscaler.application.ports.history import History, StoredHistory
from bedrock_autoscaler.application.ports.ledger import Fleets, LedgerState
from bedrock_autoscaler.domain.decision import Decision
from bedrock_autoscaler.domain.target import Loop, Target
from bedrock_autoscaler.domain.traffic.joining import join, span
from bedrock_autoscaler.domain.traffic.observation import METRICS, Series, Traffic, each_series
from bedrock_autoscaler.domain.units import MINUTE, floor_minute, whole_minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where a record is read from; nothing is written to.

    Attributes:
        policy: the target by its name and a settings version of its decisions.
    """

    decisions: Decisions
    history: History
    fleets: Fleets
    policy: Callable[[str, str], Target]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One target over the minutes [start, end).

    Attributes:
        decisions: of both loops, scheduled in the span, oldest first.
        policies: the target by the settings versions of these decisions.
        state: all of its purchases and releases, however old, and its breaker.
        total: its traffic without what is refused in one place and counted in another; NaN gaps.
        by_address: the same apart, of the same minutes.
    """

    name: str
    start: datetime
    end: datetime
    decisions: tuple[Decision, ...]
    policies: Mapping[str, Target]
    state: LedgerState
    total: Traffic
    by_address: Mapping[str, Traffic]

    @property
    def minutes(self) -> int:
        """How many minutes the span has."""
        return whole_minutes(self.end - self.start)

    def trimmed(self) -> "Record":
        """The same without the days before anything is known, from a midnight UTC on."""
        known = np.flatnonzero(~np.isnan(self.total.invocations))
        moments = [one.scheduled_at for one in self.decisions[:1]]
        moments += [self.start + int(row) * MINUTE for row in known[:1]]
        if not moments:
            return self
        midnight = min(moments).replace(hour=0, minute=0, second=0, microsecond=0)
        start = max(self.start, midnight)
        return replace(
            self,
            start=start,
            total=span(self.total, start, self.end),
            by_address={
                address: span(part, start, self.end) for address, part in self.by_address.items()
            },
        )

    @property
    def newest_policy(self) -> Target | None:
        """The target as the newest decision had it; None without a decision."""
        return self.policies[self.decisions[-1].settings_version] if self.decisions else None


def read_record(
    sources: Sources,
    name: str,
    start: datetime,
    end: datetime,
    *,
    decisions: tuple[Decision, ...] | None = None,
) -> Record:
    """Read a target's record.

    Args:
        sources: where from.
        name: of the target.
        start: of the span, cut to a whole minute.
        end: likewise.
        decisions: those to take, where they are known already.

    Raises:
        ObservationError: something of it could not be read.
    """
    start, end = floor_minute(start), floor_minute(end)
    if decisions is None:
        decisions = sources.decisions.between(name, None, start, end)
    versions = {decision.settings_version for decision in decisions}
    policies = {version: sources.policy(name, version) for version in sorted(versions)}
    newest = sources.decisions.latest(name, Loop.CAPACITY)
    total, by_address = _traffic(sources.history.load(name, start, end), start, end, newest)
    return Record(
        name=name,
        start=start,
        end=end,
        decisions=decisions,
        policies=policies,
        state=sources.fleets.state_of(name),
        total=total,
        by_address=by_address,
    )


def _traffic(
    stored: StoredHistory, start: datetime, end: datetime, newest: RecordedDecision | None
) -> tuple[Traffic, Mapping[str, Traffic]]:
    """Whole hours from the history, and the minutes since then from the newest decision."""
    if start >= end:
        return Traffic.empty(start), {}
    if newest is None:
        return _gap(start, end), {}
    situation = newest.situation
    kept = counted(stored.total, stored.traffic, situation.target)
    total = join(kept, situation.observation.traffic)
    recent = dict(situation.observation.by_option)
    addresses = sorted({*stored.traffic, *recent})
    apart = {
        address: join(_stored_part(stored, address), recent.get(address, Traffic.empty(total.end)))
        for address in addresses
    }
    return span(total, start, end), {
        address: span(part, start, end) for address, part in apart.items()
    }


def _stored_part(stored: StoredHistory, address: str) -> Traffic:
    """The stored minutes of one address; an hour that was kept without it had none of its calls."""
    span_of = stored.total
    part = stored.traffic.get(address) or _gap(span_of.start, span_of.end)
    is_known = ~np.isnan(span_of.invocations)

    def filled(series: Series) -> Series:
        return np.where(np.isnan(series) & is_known, 0.0, series)

    return Traffic(start=part.start, **each_series(filled, part))


def _gap(start: datetime, end: datetime) -> Traffic:
    """Minutes of which nothing is known."""
    unknown = np.full(whole_minutes(end - start), np.nan)
    return Traffic(start=start, **dict.fromkeys(METRICS, unknown))
