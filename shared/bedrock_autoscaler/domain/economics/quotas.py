"""Quotas of an account: which bind what, how much room they leave, and the evidence for more.

A quota is known by its code alone. Its name is only held against what the code is known to be: the
names have typing errors, and a code that was read wrongly must not pass for another quota.

Source: docs/prices.md, section "Quotas".
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from math import floor, log10

import numpy as np

from bedrock_autoscaler.domain.traffic.observation import Series, Traffic

_PEAK_ROOM = 1.5
_DIGITS = 2


class Family(StrEnum):
    """Which calls a quota counts; each family has a pool of its own."""

    ON_DEMAND = "on_demand"
    CROSS_REGION = "cross_region"
    GLOBAL = "global"
    UNIT_POOL = "unit_pool"
    UNITS_OF_MODEL = "units_of_model"
    OTHER = "other"


class QuotaMeasure(StrEnum):
    """What a quota counts."""

    TOKENS_PER_MINUTE = "tokens_per_minute"
    REQUESTS_PER_MINUTE = "requests_per_minute"
    MODEL_UNITS = "model_units"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaKind:
    """What a code is known to be.

    Attributes:
        subject: model id; for a pool `base models` or `custom models`; empty when not known.
    """

    family: Family
    measure: QuotaMeasure
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountQuota:
    """One quota as the account has it.

    Attributes:
        applied: None where only a default exists.
        default: None where it is not told.
        kind: by its code; by its name where the code is not known, for display alone.
        is_known: whether the code is known, and the name agrees.
        doubt: what the name says otherwise; empty when it agrees.
    """

    code: str
    name: str
    applied: float | None
    default: float | None
    is_adjustable: bool
    kind: QuotaKind
    is_known: bool
    doubt: str = ""

    @property
    def value(self) -> float | None:
        """What is in force."""
        return self.applied if self.applied is not None else self.default


def kind_by_name(name: str) -> QuotaKind:
    """What a name seems to say; the subject is left open, since names misspell models."""
    words = " ".join(name.lower().replace("-", " ").split())
    return QuotaKind(family=_family(words), measure=_measure(words), subject="")


def _family(words: str) -> Family:
    if "model units" in words:
        across = re.search(r"across (base|custom) models", words)
        return Family.UNIT_POOL if across else Family.UNITS_OF_MODEL
    if "per minute" not in words or "latency" in words:
        return Family.OTHER
    if "global cross region" in words:
        return Family.GLOBAL
    if "cross region" in words:
        return Family.CROSS_REGION
    return Family.ON_DEMAND if "on demand" in words else Family.OTHER


def _measure(words: str) -> QuotaMeasure:
    if "model units" in words:
        return QuotaMeasure.MODEL_UNITS
    if "tokens per minute" in words:
        return QuotaMeasure.TOKENS_PER_MINUTE
    is_requests = "requests per minute" in words
    return QuotaMeasure.REQUESTS_PER_MINUTE if is_requests else QuotaMeasure.OTHER


def disagreement(kind: QuotaKind, name: str) -> str:
    """What the name says other than the code is known to be; empty when they agree."""
    told = kind_by_name(name)
    if (told.family, told.measure) == (kind.family, kind.measure):
        return ""
    return (
        f"the code is known for {kind.family.value} {kind.measure.value}, the account calls it "
        f"{name.strip()!r}"
    )


# -- evidence ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaEvidence:
    """What an account used, for a request to AWS.

    Attributes:
        days: of minutes that were read.
        steady_rpm, steady_tpm: median of the minutes with calls.
        peak_rpm, peak_tpm: highest minute. Quota tokens are None where the burndown is not known.
        input_tokens, output_tokens: mean of a call.
        throttled_share: refusals among calls and refusals; each retry counts again.
    """

    days: float
    steady_rpm: float
    peak_rpm: float
    steady_tpm: float | None
    peak_tpm: float | None
    input_tokens: float
    output_tokens: float
    throttled_share: float


def quota_evidence(traffic: Traffic, output_burndown: float | None) -> QuotaEvidence | None:
    """The evidence of some minutes; None while no call is known.

    Quota tokens are input, cache writes and output times the burndown. What `max_tokens` reserves
    at admission no metric shows, so that the true need is higher.

    Args:
        traffic: of all that the quota counts.
        output_burndown: quota tokens of one output token; None while it is not known.
    """
    calls = _known(traffic.invocations)
    total = float(calls.sum())
    if total <= 0:
        return None
    inputs = _known(traffic.written_tokens)
    outputs = _known(traffic.output_tokens)
    busy = calls > 0
    tokens = None if output_burndown is None else inputs + outputs * output_burndown
    refused = float(_known(traffic.throttles).sum())
    return QuotaEvidence(
        days=len(calls) / 1440.0,
        steady_rpm=float(np.median(calls[busy])),
        peak_rpm=float(calls.max()),
        steady_tpm=None if tokens is None else float(np.median(tokens[busy])),
        peak_tpm=None if tokens is None else float(tokens.max()),
        input_tokens=float(inputs.sum()) / total,
        output_tokens=float(outputs.sum()) / total,
        throttled_share=refused / (total + refused),
    )


def _known(series: Series) -> Series:
    return series[~np.isnan(series)]


def wanted_value(kind: QuotaKind, found: QuotaEvidence | None, units: int) -> float | None:
    """A value to ask for: half as much again as the peak, in round figures; or units allowed.

    None where nothing speaks for any.

    Args:
        kind: of the quota.
        found: what was used.
        units: that the target may hold.
    """
    if kind.measure is QuotaMeasure.MODEL_UNITS:
        return float(units) if units > 0 else None
    if found is None:
        return None
    peaks = {
        QuotaMeasure.TOKENS_PER_MINUTE: found.peak_tpm,
        QuotaMeasure.REQUESTS_PER_MINUTE: found.peak_rpm,
    }
    peak = peaks.get(kind.measure)
    return _round_up(_PEAK_ROOM * peak) if peak else None


def _round_up(value: float) -> float:
    """The next whole figure of two digits."""
    step = 10.0 ** max(floor(log10(value)) - _DIGITS + 1, 0)
    return float(np.ceil(round(value / step, 6)) * step)


def headroom(value: float | None, used: float) -> float | None:
    """Share of a quota that is left, 0 to 1; None while it is unknown, or 0."""
    if value is None or value <= 0:
        return None
    return max(1.0 - used / value, 0.0)
