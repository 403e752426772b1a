"""Diagnosis before purchase: is pressure a lack of capacity, or something else?"""

from dataclasses import dataclass

import numpy as np

from bedrock_autoscaler.domain.decision import Reason, ReasonCode
from bedrock_autoscaler.domain.observation import Traffic
from bedrock_autoscaler.domain.target import Quota

WINDOW_MINUTES = 30
_STORM_RATIO = 3.0
_STORM_FALL = 0.7
_RESERVATION_USE = 0.5
_THROTTLED_FLOOR = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What the newest half hour shows.

    Attributes:
        allows_growth: False when more capacity would not help.
        throttled_share: throttled attempts among all, 0 to 1.
        server_error_share: server errors among served and failed calls, 0 to 1.
    """

    reason: Reason
    allows_growth: bool
    throttled_share: float
    server_error_share: float


def diagnose(traffic: Traffic, quota: Quota | None, *, max_error_share: float) -> Diagnosis:
    """The likeliest explanation of throttles and errors in the newest settled half hour."""
    served = _sums(traffic.invocations)
    throttles = _sums(traffic.throttles)
    errors = _sums(traffic.server_errors)
    share = _share(throttles.sum(), served.sum() + throttles.sum())
    error_share = _share(errors.sum(), served.sum() + errors.sum())
    code, message, allows = _verdict(
        served, throttles, share, error_share, traffic, quota, max_error_share
    )
    numbers = (("throttled_share", share), ("server_error_share", error_share))
    return Diagnosis(
        reason=Reason(code=code, message=message, numbers=numbers),
        allows_growth=allows,
        throttled_share=share,
        server_error_share=error_share,
    )


def _verdict(  # noqa: PLR0913 - the evidence is six plain values of one private rule
    served: "np.typing.NDArray[np.float64]",
    throttles: "np.typing.NDArray[np.float64]",
    share: float,
    error_share: float,
    traffic: Traffic,
    quota: Quota | None,
    max_error_share: float,
) -> tuple[ReasonCode, str, bool]:
    if error_share > max_error_share:
        return (
            ReasonCode.REGIONAL_SHORTAGE,
            f"{error_share:.1%} of calls failed with server errors: a shortage in the Region or "
            "a fault of the service, which more units or quota do not mend",
            False,
        )
    if share <= _THROTTLED_FLOOR:
        return ReasonCode.NO_PRESSURE, f"{share:.2%} of attempts were throttled", True
    if np.count_nonzero(throttles) == 1:
        return (
            ReasonCode.ONE_HOT_MINUTE,
            f"all {throttles.sum():.0f} throttles of {WINDOW_MINUTES} minutes fell in one minute",
            False,
        )
    if _is_storm(served, throttles):
        return (
            ReasonCode.RETRY_STORM,
            f"{throttles.sum():.0f} throttles against {served.sum():.0f} served calls while fewer "
            "are served: callers retry faster than they are answered",
            False,
        )
    used = _quota_use(traffic, quota)
    if used is not None and used < _RESERVATION_USE:
        return (
            ReasonCode.OUTPUT_RESERVATION,
            f"{share:.1%} throttled at {used:.0%} of the token quota: calls reserve more "
            "output (max_tokens) than they use; lower max_tokens before buying",
            False,
        )
    return ReasonCode.CAPACITY_SHORT, f"{share:.1%} of attempts were throttled", True


def _is_storm(
    served: "np.typing.NDArray[np.float64]", throttles: "np.typing.NDArray[np.float64]"
) -> bool:
    """Whether refusals dwarf answers and answers fall from the first half to the second."""
    half = len(served) // 2
    falls = served[half:].sum() < _STORM_FALL * served[:half].sum()
    return bool(throttles.sum() > _STORM_RATIO * served.sum() and falls)


def _quota_use(traffic: Traffic, quota: Quota | None) -> float | None:
    """Highest use of the token quota in a throttled minute, 0 to 1; None without a quota."""
    if quota is None or not quota.tokens_per_minute:
        return None
    tokens = (
        traffic.input_tokens
        + traffic.cache_write_tokens
        + traffic.output_tokens * quota.output_burndown
    )[-WINDOW_MINUTES:]
    throttled = np.nan_to_num(traffic.throttles[-WINDOW_MINUTES:]) > 0
    busiest = float(np.max(np.nan_to_num(tokens)[throttled], initial=0.0))
    return busiest / quota.tokens_per_minute


def _sums(series: "np.typing.NDArray[np.float64]") -> "np.typing.NDArray[np.float64]":
    return np.nan_to_num(series[-WINDOW_MINUTES:])


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole > 0 else 0.0
