"""`commitments`: the ladder, verdicts and books of a target on an emulated stack."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import boto3
import pytest

from bedrock_autoscaler.adapters.storage.history import DynamoHistory
from bedrock_autoscaler.adapters.storage.intents import PURCHASE, to_item
from bedrock_autoscaler.adapters.storage.table import Table
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.domain.decision import Classification, Label, Verdict
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import HOUR
from tests.builders import (
    MODEL,
    NOW,
    REGION,
    build_decision,
    build_fleet,
    build_observation,
    build_pt,
    build_situation,
)
from tests.intents import build_purchase
from tests.operating.stage import DOCUMENT, Stage
from tests.unit.domain.test_ladder import study
from tests.unit.domain.worlds import units_traffic

DAY = timedelta(days=1)
PROVISIONED = DOCUMENT["provisioned"] | {
    "price": DOCUMENT["provisioned"]["price"] | {"one_month_usd_per_hour": 55.0}
}


def recorded(
    stage: Stage,
    studied_at: datetime = NOW,
    decided_at: datetime = NOW,
    classification: Classification | None = None,
) -> None:
    """A decision that knows eight weeks, and holds one unit until six days from NOW."""
    stage.put("targets/chat", DOCUMENT | {"provisioned": PROVISIONED})
    held = build_pt(
        commitment=Commitment.ONE_MONTH, committed_until=NOW + 6 * DAY, created_at=NOW - 24 * DAY
    )
    situation = build_situation(
        scheduled_at=decided_at,
        fleet=build_fleet(held),
        observation=build_observation(commitment=study(60.0, 60.0, 20.0, at=studied_at)),
    )
    stage.record(
        [
            RecordedDecision(
                decision=build_decision(scheduled_at=decided_at, classification=classification),
                situation=situation,
                history=None,
                code_version="1",
            )
        ]
    )


def test_what_to_commit_to_and_what_to_do_about_a_term_that_ends(stage: Stage) -> None:
    recorded(stage)

    told = stage.told("commitments", "chat")

    # Level 1 is on a term; level 2 costs 60 USD an hour without one, 55 with.
    assert "on a term already, or of others that serve: 1 unit" in told
    assert "advised: 1 unit for one_month at 55.00 USD, 40,920 in all; saves 3,720" in told
    assert "renewal 2026-11-26: keep 1 of 1 unit" in told
    assert "AWS renews it unless a person acts" in told


def test_an_old_study_is_advised_on_no_more_than_a_decision_does(stage: Stage) -> None:
    recorded(stage, NOW - 4 * DAY)

    told = stage.told("commitments", "chat")

    assert "advised: " not in told
    assert "not advised, one_month: the newest study is of 2026-11-16 12:00 UTC" in told


def test_no_more_is_advised_on_than_the_decision_does(stage: Stage) -> None:
    bursty = Classification(
        label=Label.BURSTY, verdict=Verdict.BURSTY, confidence=1.0, features=(), margins=()
    )
    recorded(stage, classification=bursty)

    told = stage.told("commitments", "chat")

    assert "advised: " not in told
    assert "not advised, one_month: the class is bursty" in told


def test_a_verdict_is_as_of_now_however_old_the_newest_decision_is(stage: Stage) -> None:
    recorded(stage, NOW - 4 * DAY, decided_at=NOW - 4 * DAY)

    assert "renewal 2026-11-26: unknown 1 unit" in stage.told("commitments", "chat")


def test_the_same_as_json(stage: Stage) -> None:
    recorded(stage)

    found = stage.json("commitments", "chat")

    assert found["ladder"]["base"][0]["units"] == 1
    assert found["ladder"]["base"][0]["regret_ended_usd"] == 40_920.0
    assert [one["verdict"] for one in found["renewals"]] == ["keep"]
    assert found["savings"] == []


def test_savings_come_from_the_ledger_and_the_kept_minutes(stage: Stage) -> None:
    recorded(stage)
    client = boto3.client("dynamodb", region_name=REGION)
    traffic = units_traffic((600, 1.0), end=NOW)
    DynamoHistory(client, "ledger").store("chat", {MODEL: traffic})
    begun = NOW - 10 * HOUR
    intent = build_purchase(
        commitment=Commitment.ONE_MONTH,
        usd_per_hour=Decimal(55),
        recorded_at=begun,
        billed_from=begun,
    )
    Table(client, "ledger").put(to_item(PURCHASE, intent))

    (saving,) = stage.json("commitments", "chat")["savings"]

    assert (saving["hours"], saving["known_hours"], saving["paid_usd"]) == (10.0, 10.0, 550.0)
    assert saving["predicted_usd"] is None
    assert "10 hours read, unknown foretold, 550 paid" in stage.told("commitments", "chat")


def test_without_a_decision_there_is_nothing_to_show(stage: Stage) -> None:
    assert "has no capacity decision yet" in stage.refused("commitments", "chat")


@pytest.mark.parametrize(
    ("provisioned", "missing"),
    [
        (None, "no units are wanted, there is no `provisioned` section"),
        (
            DOCUMENT["provisioned"],
            "settings set chat provisioned.price.one_month_usd_per_hour=N",
        ),
        (PROVISIONED | {"unit_rate": None}, "what a unit serves is unknown"),
        (PROVISIONED, "(bedrock-autoscaler doctor chat); advice needs 30 days"),
    ],
)
def test_without_a_study_it_says_what_is_missing(
    stage: Stage, provisioned: dict[str, Any] | None, missing: str
) -> None:
    stage.put("targets/chat", DOCUMENT | {"provisioned": provisioned})
    situation = build_situation()
    stage.record(
        [
            RecordedDecision(
                decision=build_decision(), situation=situation, history=None, code_version="1"
            )
        ]
    )

    told = stage.told("commitments", "chat")

    assert told.startswith("no study: ")
    assert missing in told
