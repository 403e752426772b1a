"""From metric readings to what a decision looks at: traffic with its gaps, evidence on each PT."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from bedrock_autoscaler.application.merging import added, first_gap, gap, window
from bedrock_autoscaler.application.ports import MetricsReading
from bedrock_autoscaler.domain.fleet import ProvisionedThroughput, PtTraffic
from bedrock_autoscaler.domain.observation import Observation, Traffic
from bedrock_autoscaler.domain.units import floor_minute, whole_minutes


def matching_ids(address: str, listed: Collection[str]) -> tuple[str, ...]:
    """The `ModelId` values that carry the traffic of an address, sorted.

    AWS does not say whether it files a profile or PT under its ARN or the id at its end, so both
    match. The address itself is always among them: a new series is listed up to 15 minutes late.
    """
    bare = _bare(address)
    return tuple(sorted({address, *(value for value in listed if _bare(value) == bare)}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The settled minutes [start, end) of one tick, by `ModelId`.

    Attributes:
        reading: None when nothing at all could be read: every minute is a gap then.
        listed: `ModelId` values that CloudWatch lists.
    """

    reading: MetricsReading | None
    listed: frozenset[str]
    start: datetime
    end: datetime

    def of(self, addresses: Iterable[str]) -> Traffic:
        """All traffic of these addresses together; a gap of one is a gap of the sum."""
        if self.reading is None:
            return gap(self.start, self.end)
        ids = {value for address in addresses for value in matching_ids(address, self.listed)}
        parts = [_found(self.reading.traffic, value, self.start, self.end) for value in sorted(ids)]
        return added(parts, self.start, self.end)

    def evidence(self, pt: ProvisionedThroughput, before: Observation | None) -> PtTraffic:
        """What is known of one PT, carried on from the previous observation."""
        since = floor_minute(pt.in_service_since or pt.created_at)
        traffic = self.of([pt.arn])
        kept = next((p for p in before.provisioned if p.arn == pt.arn), None) if before else None
        quiet = quiet_minutes(traffic)
        if kept and before and quiet == len(traffic):
            overlap = whole_minutes(before.traffic.end - self.start)
            if overlap >= 0:
                quiet += max(kept.quiet_minutes - overlap, 0)
        return PtTraffic(
            arn=pt.arn,
            seen=(kept is not None and kept.seen) or has_calls(traffic.since(since)),
            quiet_minutes=quiet,
        )


def quiet_minutes(traffic: Traffic) -> int:
    """Newest read minutes without any call, in a row; a gap ends the row."""
    calls = _calls(traffic)
    loud = np.flatnonzero(calls != 0)
    return len(traffic) - 1 - int(loud[-1]) if loud.size else len(traffic)


def has_calls(traffic: Traffic) -> bool:
    """Whether any call shows in the minutes that were read."""
    return bool(np.nansum(_calls(traffic)) > 0)


def unread_since(before: Traffic | None, start: datetime, end: datetime) -> datetime:
    """From where on [start, end) must be read, given what is known; `end` when all is known."""
    if before is None:
        return start
    return min(first_gap(window(before, start, end)), end)


def _calls(traffic: Traffic) -> np.typing.NDArray[np.float64]:
    return traffic.invocations + traffic.throttles + traffic.client_errors + traffic.server_errors


def _found(
    traffic: Mapping[str, Traffic], model_id: str, start: datetime, end: datetime
) -> Traffic:
    known = traffic.get(model_id)
    return gap(start, end) if known is None else window(known, start, end)


def _bare(address: str) -> str:
    return address.rsplit("/", maxsplit=1)[-1]
