"""Diagnosis before purchase: is pressure a lack of capacity, or something else?

Source: docs/model.md, section "Gate".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np

from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.target import Quota
from bedrock_autoscaler.domain.traffic.observation import Series, Traffic

WINDOW_MINUTES = 30
"""The newest settled minutes that a diagnosis looks at."""

_STORM_RATIO = 3.0
_STORM_FALL = 0.7
_RESERVATION_USE = 0.5
_THROTTLED_FLOOR = 0.001
_CALM_MINUTES = 10
_EPISODE_GAP = 5
_NOT_CAPACITY = frozenset(
    {
        ReasonCode.REGIONAL_SHORTAGE,
        ReasonCode.ONE_HOT_MINUTE,
        ReasonCode.THROTTLES_ENDED,
        ReasonCode.RETRY_STORM,
        ReasonCode.OUTPUT_RESERVATION,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way whose refusals would be pressure: its traffic, and its quota where known."""

    traffic: Traffic
    quota: Quota | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What the newest half hour shows.

    Attributes:
        reason: the verdict with its numbers.
        allows_growth: False when more capacity would not help.
        throttled_share: throttled attempts among all, 0 to 1.
        server_error_share: server errors among served and failed calls, 0 to 1.
    """

    reason: Reason
    allows_growth: bool
    throttled_share: float
    server_error_share: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Evidence:
    """The newest half hour, minute by minute, and what follows from it.

    Attributes:
        quota_use: highest use of a quota in a throttled minute, 0 to 1; None without one, or where
            another way refused whose quota is unknown.
        unused_per_call: quota tokens that each call of that minute kept from others unused.
    """

    served: Series
    throttles: Series
    throttled_share: float
    error_share: float
    quota_use: float | None
    unused_per_call: float | None

    @property
    def throttled_minutes(self) -> int:
        """Minutes with throttles."""
        return int(np.count_nonzero(self.throttles))

    @property
    def calm_minutes(self) -> int:
        """Newest minutes without a throttle, in a row."""
        loud = np.flatnonzero(self.throttles)
        return len(self.throttles) - 1 - int(loud[-1]) if loud.size else len(self.throttles)

    @property
    def is_one_episode(self) -> bool:
        """Whether all throttles came close together, and did not come back."""
        loud = np.flatnonzero(self.throttles)
        return bool(loud.size) and bool((np.diff(loud) < _EPISODE_GAP).all())

    def numbers(self) -> tuple[tuple[str, float], ...]:
        """All of it by name; a quota only where one is known and refused."""
        found = [
            ("throttled_share", self.throttled_share),
            ("server_error_share", self.error_share),
        ]
        if self.throttled_minutes:
            found += [
                ("throttles", float(self.throttles.sum())),
                ("throttled_minutes", float(self.throttled_minutes)),
                ("calm_minutes", float(self.calm_minutes)),
            ]
        if self.quota_use is not None:
            found.append(("quota_use", self.quota_use))
        if self.unused_per_call is not None:
            found.append(("unused_quota_tokens_per_call", self.unused_per_call))
        return tuple(found)


def diagnose(traffic: Traffic, ways: Sequence[Way], *, max_error_share: float) -> Diagnosis:
    """The likeliest explanation of throttles and errors in the newest settled half hour.

    Args:
        traffic: all of the target, for its errors.
        ways: where a refusal is pressure. Calls that a full PT refuses and that are served on
            demand are routine, so that a target with both passes its on-demand ways alone.
        max_error_share: share of server errors above which the service itself is short.
    """
    evidence = _gather(traffic, ways)
    code = _verdict(evidence, max_error_share)
    return Diagnosis(
        reason=Reason(code=code, message=_message(code, evidence), numbers=evidence.numbers()),
        allows_growth=code not in _NOT_CAPACITY,
        throttled_share=evidence.throttled_share,
        server_error_share=evidence.error_share,
    )


def _gather(traffic: Traffic, ways: Sequence[Way]) -> _Evidence:
    served = _summed([way.traffic.invocations for way in ways])
    throttles = _summed([way.traffic.throttles for way in ways])
    answered, failed = _summed([traffic.invocations]), _summed([traffic.server_errors])
    refused, errors = throttles.sum(), failed.sum()
    refusing = [way for way in ways if _summed([way.traffic.throttles]).any()] if refused else []
    fullest = _fullest(refusing)
    return _Evidence(
        served=served,
        throttles=throttles,
        throttled_share=_share(refused, served.sum() + refused),
        error_share=_share(errors, answered.sum() + errors),
        quota_use=fullest.share if fullest else None,
        unused_per_call=fullest.unused_per_call if fullest else None,
    )


def _verdict(evidence: _Evidence, max_error_share: float) -> ReasonCode:
    """The first explanation that fits."""
    if evidence.error_share > max_error_share:
        return ReasonCode.REGIONAL_SHORTAGE
    if evidence.throttled_share <= _THROTTLED_FLOOR:
        return ReasonCode.NO_PRESSURE
    if evidence.throttled_minutes == 1:
        return ReasonCode.ONE_HOT_MINUTE
    if evidence.is_one_episode and evidence.calm_minutes >= _CALM_MINUTES:
        return ReasonCode.THROTTLES_ENDED
    if _is_storm(evidence):
        return ReasonCode.RETRY_STORM
    if evidence.quota_use is not None and evidence.quota_use < _RESERVATION_USE:
        return ReasonCode.OUTPUT_RESERVATION
    return ReasonCode.CAPACITY_SHORT


def _message(code: ReasonCode, evidence: _Evidence) -> str:
    share = f"{evidence.throttled_share:.2%} of attempts were throttled"
    match code:
        case ReasonCode.REGIONAL_SHORTAGE:
            return (
                f"{evidence.error_share:.1%} of calls failed with server errors: a shortage in the "
                "Region or a fault of the service, which more units or quota do not mend"
            )
        case ReasonCode.ONE_HOT_MINUTE:
            return (
                f"all {evidence.throttles.sum():.0f} throttles of {WINDOW_MINUTES} minutes fell in "
                "one minute, which is over before capacity could come"
            )
        case ReasonCode.THROTTLES_ENDED:
            return (
                f"{evidence.throttles.sum():.0f} throttles in {evidence.throttled_minutes} minutes "
                f"ended by themselves {evidence.calm_minutes} minutes ago"
            )
        case ReasonCode.RETRY_STORM:
            return (
                f"{evidence.throttles.sum():.0f} throttles against {evidence.served.sum():.0f} "
                "served calls while fewer are served: callers retry faster than they are answered"
            )
        case ReasonCode.OUTPUT_RESERVATION:
            return (
                f"{share} at {evidence.quota_use or 0.0:.0%} of the quota: calls reserve more "
                f"output (max_tokens) than they use, about {evidence.unused_per_call or 0.0:,.0f} "
                "quota tokens each; lower max_tokens before buying"
            )
        case _:
            return share


def _is_storm(evidence: _Evidence) -> bool:
    """Whether refusals dwarf answers and answers fall from the first half to the second."""
    served = evidence.served
    half = len(served) // 2
    falls = served[half:].sum() < _STORM_FALL * served[:half].sum()
    return bool(evidence.throttles.sum() > _STORM_RATIO * served.sum() and falls)


@dataclass(frozen=True, slots=True, kw_only=True)
class _QuotaUse:
    """How full a quota was in the throttled minute that used most of it.

    Attributes:
        share: of tokens or requests, whichever was fuller, 0 to 1.
        unused_per_call: unused quota tokens for each served call; None where none was served.
    """

    share: float
    unused_per_call: float | None


def _fullest(refusing: Sequence[Way]) -> _QuotaUse | None:
    """The use of the fullest quota; None where one is unknown, which may be the fullest."""
    uses = [_quota_use(way) for way in refusing]
    known = [use for use in uses if use is not None]
    if len(known) < len(uses):
        return None
    return max(known, key=lambda use: use.share, default=None)


def _quota_use(way: Way) -> _QuotaUse | None:
    """The use of a quota in throttled minutes; None without throttles or a token quota.

    Where the request quota is the fuller one, tokens explain nothing.
    """
    traffic, quota = way.traffic, way.quota
    throttled = _summed([traffic.throttles]) > 0
    if quota is None or not quota.tokens_per_minute or not throttled.any():
        return None
    counted = traffic.written_tokens + traffic.output_tokens * quota.output_burndown
    tokens = _summed([counted])[throttled]
    calls = _summed([traffic.invocations])[throttled]
    fullest = int(tokens.argmax())
    share = float(tokens[fullest]) / quota.tokens_per_minute
    unused = max(quota.tokens_per_minute - float(tokens[fullest]), 0.0)
    if quota.requests_per_minute:
        share = max(share, float(calls.max()) / quota.requests_per_minute)
    return _QuotaUse(
        share=share,
        unused_per_call=unused / float(calls[fullest]) if calls[fullest] > 0 else None,
    )


def _summed(series: Sequence[Series]) -> Series:
    """Sums over the newest half hour, aligned at its end; a gap counts as nothing."""
    newest = [_filled(one[-WINDOW_MINUTES:]) for one in series]
    if len(newest) == 1:
        return newest[0]
    sums = np.zeros(max((len(one) for one in newest), default=0))
    for one in newest:
        sums[len(sums) - len(one) :] += one
    return sums


def _filled(series: Series) -> Series:
    """The series with nothing in place of its gaps."""
    return np.where(np.isnan(series), 0.0, series) if isnan(series.sum()) else series


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else 0.0
