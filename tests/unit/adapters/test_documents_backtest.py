import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from bedrock_autoscaler.adapters.documents import (
    BacktestSettings,
    parse_for_backtest,
)
from bedrock_autoscaler.application.ports.settings import SettingsProblem
from bedrock_autoscaler.domain.consents.consent import AdvanceConsent
from bedrock_autoscaler.domain.target import (
    Commitment,
)
from tests.builders import THRESHOLDS
from tests.documents import (
    BASE,
)


def backtest(document: Mapping[str, Any]) -> BacktestSettings | SettingsProblem:
    return parse_for_backtest("settings.json", json.dumps(document))


def test_a_backtest_without_a_document_has_the_shipped_policy_and_no_caps() -> None:
    settings = parse_for_backtest("settings.json", None)

    assert isinstance(settings, BacktestSettings)
    assert settings.thresholds == THRESHOLDS
    assert settings.guard_rails.max_units == 1_000
    assert settings.guard_rails.max_purchases_per_day == 6
    assert settings.consents == ()


def test_caps_of_the_document_bind_in_a_backtest() -> None:
    settings = backtest(BASE | {"guard_rails": {"max_units": 3}})

    assert isinstance(settings, BacktestSettings)
    assert settings.guard_rails.max_units == 3


def test_a_backtest_may_carry_consents() -> None:
    consent = {
        "units": 2,
        "term": "one_month",
        "max_usd_per_hour": 36.5,
        "valid_until": "2025-05-01T00:00:00Z",
    }

    settings = backtest({"consents": [consent]})

    assert isinstance(settings, BacktestSettings)
    assert settings.consents == (
        AdvanceConsent(
            units=2,
            term=Commitment.ONE_MONTH,
            max_usd_per_hour=Decimal("36.5"),
            valid_from=None,
            valid_until=datetime(2025, 5, 1, tzinfo=UTC),
        ),
    )


@pytest.mark.parametrize(
    ("consent", "field"),
    [
        ({"units": 0, "term": "one_month", "max_usd_per_hour": 1}, "consents.0.units"),
        ({"units": 1, "term": "1m", "max_usd_per_hour": 1}, "consents.0.term"),
        ({"units": 1, "term": "one_month"}, "consents.0.max_usd_per_hour"),
        (
            {
                "units": 1,
                "term": "one_month",
                "max_usd_per_hour": 1,
                "valid_from": "2025-05-01T00:00:00",
            },
            "consents.0.valid_from",
        ),
    ],
)
def test_a_faulty_consent_is_refused(consent: dict[str, Any], field: str) -> None:
    problem = backtest({"consents": [consent]})

    assert isinstance(problem, SettingsProblem)
    assert (problem.document, problem.field) == ("settings.json", field)


def test_a_backtest_s_text_that_is_no_json_is_reported() -> None:
    problem = parse_for_backtest("settings.json", "[")

    assert isinstance(problem, SettingsProblem)
    assert problem.message.startswith("not JSON")
