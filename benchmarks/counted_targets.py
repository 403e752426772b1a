"""The targets of a counted fleet: where each is, its traffic, its settings, its first history."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from bedrock_autoscaler.adapters.documents import TargetDocuments
from bedrock_autoscaler.adapters.prices import load_prices
from bedrock_autoscaler.adapters.storage.packed import PackedHistory
from bedrock_autoscaler.application.ports.history import StoredHistory
from bedrock_autoscaler.application.ports.settings import SettingsProblem
from bedrock_autoscaler.domain.decision import NO_MEMORY, Situation
from bedrock_autoscaler.domain.fleet.holdings import Fleet, Spend
from bedrock_autoscaler.domain.target import Loop, Target
from bedrock_autoscaler.domain.traffic.observation import METRICS, Observation, Series, Traffic
from bedrock_autoscaler.domain.units import HOUR
from benchmarks.labelled_traffic import generate

START = datetime(2026, 10, 20, tzinfo=UTC)
DAYS = 14
NOW = START + timedelta(days=DAYS, hours=9)
"""The first dispatched minute; a little after the full hour would spare the first whole look."""

KINDS = ("steady", "diurnal", "weekly", "trend", "mmpp", "sessions", "intermittent", "level_step")
_MODEL = "amazon.nova-2-lite-v1:0"
SERIES_OF = {
    "Invocations": "invocations",
    "InputTokenCount": "input_tokens",
    "OutputTokenCount": "output_tokens",
    "EstimatedTPMQuotaUsage": "quota_tokens",
}
"""Our names of the metrics that the counted CloudWatch has."""

REGIONS = ("us-east-1", "us-west-2", "eu-central-1", "ap-northeast-1")


def place_and_traffic(number: int, places: int, traffics: int) -> tuple[int, int]:
    """Where a target is, and which traffic it has; no two of a place have the same."""
    place = number % places
    return place, (place + number // places) % traffics


def model_id_of(number: int) -> str:
    """The profile that the calls of this traffic name."""
    return f"profile-{number:05d}"


def template(kind: str, seed: int) -> dict[str, Series]:
    """A fortnight and a day of one kind, as sums by series."""
    traffic = generate(kind, seed)
    minutes = (DAYS + 1) * 24 * 60
    tokens = traffic.tokens[:minutes]
    return {
        "invocations": traffic.calls[:minutes],
        "input_tokens": np.round(0.5 * tokens),
        "output_tokens": np.round(0.1 * tokens),
        "quota_tokens": np.round(0.6 * tokens),
    }


def document_of(number: int, account: str, region: str) -> str:
    """Settings of a target that acts, with the traffic of this number: no unit ever pays for it."""
    document = {
        "account": account,
        "region": region,
        "mode": "act",
        "model_ids": [model_id_of(number)],
        "residency": {"geographies": ["us"], "global_profiles": False, "other_models": True},
        "options": [
            {
                "kind": "on_demand",
                "address": model_id_of(number),
                "price": {
                    "input_usd_per_1k": 0.00033,
                    "output_usd_per_1k": 0.00275,
                    "source": "scale",
                    "as_of": "2026-10-20",
                },
                "quota": "unlimited",
            }
        ],
        "provisioned": {
            "model_id": f"{_MODEL}:256k",
            "unit_rate": {
                "input_tokens_per_minute": 1e9,
                "output_tokens_per_minute": 2e8,
                "source": "scale: so large that no unit ever pays",
            },
            "price": {"usd_per_hour": 60.5, "source": "scale", "as_of": "2026-10-20"},
        },
        "guard_rails": {"max_units": 2, "max_usd_per_hour": 130, "max_usd_per_day": 2000},
    }
    return json.dumps(document)


def target_of(number: int, account: str, region: str) -> Target:
    """The target of these settings."""
    parser = TargetDocuments(load_prices(), decision_minutes=5)
    name = f"t{number}-{account[-2:]}-{region}"
    found = parser.parse(name, None, document_of(number, account, region))
    if isinstance(found, SettingsProblem):
        raise TypeError(f"{found.field}: {found.message}")
    return found


def loaded(history: PackedHistory, name: str) -> StoredHistory:
    """The history that the first decision of a target rests on."""
    return history.load(name, NOW - DAYS * 24 * HOUR - HOUR, NOW - HOUR)


def traffic_until(series: dict[str, Series], minutes: int) -> Traffic:
    """The first minutes of a template as observed traffic."""
    zeros = np.zeros(minutes)
    return Traffic(
        start=START,
        **{name: series[name][:minutes] if name in series else zeros for name in METRICS},
    )


def first_situation(target: Target, traffic: Traffic, at: datetime) -> Situation:
    """A target that holds nothing and remembers nothing."""
    nothing = Fleet(
        throughputs=(),
        complete=True,
        open_purchase_units=0,
        last_grow_at=None,
        last_release_at=None,
        purchases_last_day=0,
        releases_last_day=0,
        spend=Spend(day_usd=Decimal(0), month_usd=Decimal(0)),
        version=0,
    )
    return Situation(
        target=target,
        loop=Loop.CAPACITY,
        scheduled_at=at,
        observation=Observation(
            traffic=traffic,
            by_option=(),
            provisioned=(),
            model_unit_quota=10,
            model_units_used=0,
            model_is_active=True,
            whole_at=traffic.end,
        ),
        fleet=nothing,
        routes=(),
        memory=NO_MEMORY,
    )
