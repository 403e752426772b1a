"""What persons wrote before a schedule begins: settings of the targets and consents."""

import json
import random
from datetime import datetime
from decimal import Decimal
from typing import Any

from bedrock_autoscaler.domain.consents.consent import RecordedConsent
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import ACCOUNT, REGION

START = datetime.fromisoformat("2026-03-02T09:00:00+00:00")
NAMES = ("alpha", "beta", "gamma")
TERMS = (Commitment.ONE_MONTH, Commitment.SIX_MONTHS)
_ADVISES = 0.05


def stack_document(chance: random.Random) -> str:
    """Caps on all targets together that often bind."""
    units = chance.choice((5, 8, 12))
    return json.dumps(
        {
            "max_units": units,
            "max_usd_per_hour": chance.choice((units * 20.0, 1_000.0)),
            "max_usd_per_day": chance.choice((500.0, 50_000.0)),
            "max_usd_per_month": 100_000.0,
        }
    )


def consents(
    names: tuple[str, ...], chance: random.Random, *, shared: bool
) -> tuple[RecordedConsent, ...]:
    """Persons' words for terms, some of them for what nobody asks."""
    return tuple(
        RecordedConsent(
            id=consent_id(name, term, units),
            target=name,
            model_id=f"{_model(name, shared=shared)}:24k",
            units=chance.choice((units, units, 3)),
            term=term,
            max_usd_per_hour=Decimal(chance.choice((10, 30, 40))),
            given_by="a person",
            valid_until=START + chance.choice((0, 60, 180, 10_000)) * MINUTE,
        )
        for name in names
        for term in TERMS
        for units in (1, 2)
    )


def consent_id(target: str, term: Commitment, units: int) -> str:
    """The id of the consent that a person gave for such a purchase."""
    return f"{target}-{term.value}-{units}"


def _model(name: str, *, shared: bool) -> str:
    return "vendor.shared-v1:0" if shared and name != NAMES[-1] else f"vendor.{name}-v1:0"


def document(name: str, chance: random.Random, *, shared: bool, **changes: Any) -> str:
    """A valid settings document with bounds that often bind."""
    model = _model(name, shared=shared)
    most = chance.choice((3, 4, 6, 10))
    price = chance.choice((20.0, 39.6))
    content = {
        "account": ACCOUNT,
        "region": REGION,
        "mode": "advise" if chance.random() < _ADVISES else "act",
        "provisioned": {
            "model_id": f"{model}:24k",
            "unit_rate": {
                "input_tokens_per_minute": 1_000_000,
                "output_tokens_per_minute": 200_000,
                "source": "test",
            },
            "price": {
                "usd_per_hour": price,
                "one_month_usd_per_hour": price * 0.75,
                "six_months_usd_per_hour": price * 0.5,
                "source": "test",
                "as_of": "2026-02-20",
            },
        },
        "options": [
            {
                "kind": "on_demand",
                "address": f"vendor.{name}-v1:0",
                "price": {
                    "input_usd_per_1k": 0.00033,
                    "output_usd_per_1k": 0.00275,
                    "source": "test",
                    "as_of": "2026-02-20",
                },
                "quota": "unlimited",
            }
        ],
        "residency": {"other_models": True},
        "guard_rails": {
            "min_units": chance.choice((0, 0, 0, 1)),
            "max_units": most,
            "max_usd_per_hour": chance.choice((price * most, price * most * 0.7, 1_000.0)),
            "max_usd_per_day": chance.choice((200.0, 600.0, 50_000.0)),
            "max_purchases_per_day": chance.choice((2, 4, 20, 20)),
            "max_releases_per_day": chance.choice((1, 3, 20)),
        },
        "observing": {"history_days": 1, "settling_minutes": chance.choice((3, 3, 4))},
        "sizing": {
            "billing_minutes": chance.choice((20, 30, 30, 60)),
            "max_units_per_purchase": chance.choice((1, 2, 4)),
        },
        "draining": {
            "client_cache_minutes": chance.choice((1, 2)),
            "longest_request_minutes": chance.choice((1, 2, 5)),
            "quiet_minutes": chance.choice((2, 2, 5, 10)),
            "release_window_minutes": chance.choice((5, 5, 8)),
        },
        "classifying": {"min_history_hours": 1},
    }
    return json.dumps(content | changes)
