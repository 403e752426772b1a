"""What the demo replays, at which volume, and for which target; decided before anything starts."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np

from bedrock_autoscaler.backtest.errors import TraceError
from bedrock_autoscaler.backtest.scenario import DAY_MINUTES, Scenario
from bedrock_autoscaler.backtest.trace import Trace, read_trace
from bedrock_autoscaler.domain.units import MINUTE, iso

TARGET = "chat"
REGION = "us-east-1"
MODEL = "amazon.nova-pro-v1:0"
PROFILE = f"us.{MODEL}"
PT_MODEL = f"{MODEL}:24k"

# The demo's own numbers, not a price list: a unit breaks even at 40 / (27,000,000 * 0.000003) =
# 49% of its tokens, where buying and waiting are both plausible.
MEAN_UNITS = 2.0
TOKENS_PER_UNIT = 450_000
OUTPUT_WEIGHT = 5
UNIT_HOUR = Decimal(40)
INPUT_1K, OUTPUT_1K = Decimal("0.003"), Decimal("0.015")
PROFILE_PRICE = Decimal("1.1")
QUOTA_UNITS = 6
MAX_UNITS = 8

HISTORY_DAYS = 14
MOST_CALLS_PER_MINUTE = 1_500.0
"""Mean of the day; each call passes through the world's admission, in this very process."""
_SOURCE = "the demo's own number, not a price list"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPlan:
    """One run of the demo.

    Attributes:
        source: the trace file.
        trace: history and replayed minutes, scaled.
        scale: what the trace was multiplied with, so that demand averages `MEAN_UNITS`.
        requests_per_call: requests of the trace that one call stands for; above 1 where there
            would be more than `MOST_CALLS_PER_MINUTE` of them. Tokens stay what they are.
        first: row of the first replayed minute; rows before it are history.
        quota_tokens: quota tokens (input + output) a minute on demand, worth `QUOTA_UNITS` model
            units at the mix of the replayed day; the profile has as many.
    """

    source: Path
    trace: Trace
    scale: float
    requests_per_call: float
    first: int
    quota_tokens: int

    @property
    def start(self) -> datetime:
        """The first replayed minute."""
        return self.trace.minute_at(self.first)

    @property
    def minutes(self) -> int:
        """How many minutes are replayed."""
        return len(self.trace) - self.first

    def scenario(self) -> Scenario:
        """The same rules for the backtest's accounting; its tokens are input equivalents."""
        return Scenario(
            tokens_per_unit=float(TOKENS_PER_UNIT),
            unit_hour=float(UNIT_HOUR),
            input_1k=float(INPUT_1K),
            output_1k=float(OUTPUT_1K),
            output_weight=float(OUTPUT_WEIGHT),
            on_demand_tpm=float(QUOTA_UNITS * TOKENS_PER_UNIT),
            cross_region_factor=1.0,
            cross_region_price=float(PROFILE_PRICE),
        )

    def target_document(self, account: str) -> dict[str, object]:
        """The settings document of the target, as an operator would put it into SSM."""
        as_of = self.start.date().isoformat()
        quota = {
            "tokens_per_minute": float(self.quota_tokens),
            "output_burndown": 1.0,
            "source": _SOURCE,
        }
        return {
            "account": account,
            "region": REGION,
            "mode": "act",
            "residency": {"geographies": ["us"]},
            "provisioned": {
                "model_id": PT_MODEL,
                "unit_rate": {
                    "input_tokens_per_minute": float(TOKENS_PER_UNIT),
                    "output_tokens_per_minute": TOKENS_PER_UNIT / OUTPUT_WEIGHT,
                    "combination": "sum",
                    "source": _SOURCE,
                },
                "price": {"usd_per_hour": float(UNIT_HOUR), "source": _SOURCE, "as_of": as_of},
            },
            "options": [
                {
                    "kind": "on_demand",
                    "address": MODEL,
                    "price": _price(Decimal(1), as_of),
                    "quota": quota,
                },
                {
                    "kind": "geographic_profile",
                    "address": PROFILE,
                    "price": _price(PROFILE_PRICE, as_of),
                    "quota": quota,
                },
            ],
            # The demo's callers try a call once at each address of the table: on every unit and
            # on both options.
            "observing": {"attempts_per_call": float(MAX_UNITS + 2)},
            # One unit each, so that each can be released alone, as in a backtest.
            "sizing": {"max_units_per_purchase": 1},
            "guard_rails": {
                "max_units": MAX_UNITS,
                "max_usd_per_hour": float(MAX_UNITS * UNIT_HOUR),
                "max_usd_per_day": float(24 * MAX_UNITS * UNIT_HOUR),
                "max_usd_per_month": float(31 * 24 * MAX_UNITS * UNIT_HOUR),
                "max_purchases_per_day": 12,
                "max_releases_per_day": 12,
            },
        }


def make_plan(
    source: Path,
    day: date | None = None,
    *,
    offset: timedelta = timedelta(0),
    minutes: int = DAY_MINUTES,
) -> DemoPlan:
    """The plan for one day of a trace, by default the last one.

    Args:
        source: a trace file.
        day: the replayed day, in UTC.
        offset: how long after midnight the replay starts.
        minutes: how many minutes are replayed. The volume is that of the whole day all the same.

    Raises:
        TraceError: the file is no trace, lacks the day, or has no traffic on it.
    """
    trace = read_trace(source)
    last = (trace.end - MINUTE).date()
    midnight = datetime.combine(day or last, datetime.min.time(), tzinfo=UTC)
    row = trace.index_of(midnight)
    if row < 0 or row + DAY_MINUTES > len(trace):
        raise TraceError(
            source,
            None,
            f"has no whole day {midnight.date()}; it runs from {iso(trace.start)} to before "
            f"{iso(trace.end)}",
        )
    first = row + offset // MINUTE
    load = trace.equivalents(OUTPUT_WEIGHT)[row : row + DAY_MINUTES]
    if load.sum() <= 0:
        raise TraceError(source, None, f"has no traffic on {midnight.date()}; choose another --day")
    scale = MEAN_UNITS * TOKENS_PER_UNIT / float(load.mean())
    window = slice(row, row + DAY_MINUTES)
    calls = float(trace.invocations[window].mean()) * scale
    requests_per_call = max(1.0, calls / MOST_CALLS_PER_MINUTE)
    history = max(0, first - HISTORY_DAYS * DAY_MINUTES)
    rows = slice(history, min(first + minutes, row + DAY_MINUTES))
    tokens = trace.input_tokens[window].sum() + trace.output_tokens[window].sum()
    return DemoPlan(
        source=source,
        trace=_volume(trace, rows, scale, scale / requests_per_call),
        scale=scale,
        requests_per_call=requests_per_call,
        first=first - history,
        quota_tokens=round(QUOTA_UNITS * TOKENS_PER_UNIT * float(tokens) / float(load.sum())),
    )


def _volume(trace: Trace, rows: slice, scale: float, calls_scale: float) -> Trace:
    """Some rows, multiplied, in whole calls and tokens; tokens never come without a call."""
    inputs, outputs = (
        np.rint(column[rows] * scale) for column in (trace.input_tokens, trace.output_tokens)
    )
    calls = np.maximum(np.rint(trace.invocations[rows] * calls_scale), (inputs + outputs) > 0)
    return Trace.of(trace.name, trace.minute_at(rows.start), (calls, inputs, outputs))


def _price(times: Decimal, as_of: str) -> dict[str, object]:
    return {
        "input_usd_per_1k": float(INPUT_1K * times),
        "output_usd_per_1k": float(OUTPUT_1K * times),
        "source": _SOURCE,
        "as_of": as_of,
    }
