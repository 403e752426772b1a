"""A person's word on a request, through the command line."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import boto3
import pytest
import typer

from bedrock_autoscaler.adapters.storage.fleets import DynamoFleets
from bedrock_autoscaler.domain.consents.consent import REJECTED, RecordedConsent, Request
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import HOUR
from tests.builders import NOW, PT_MODEL, REGION, build_consent
from tests.intents import reserve
from tests.operating.stage import Stage
from tests.recorded import build_purchase

ME = "arn:aws:sts::123456789012:user/moto"
DAY = timedelta(days=1)
ASKED = Request(
    id="chat-one-month-2026w47",
    target="chat",
    model_id=PT_MODEL,
    units=1,
    term=Commitment.ONE_MONTH,
    usd_per_hour=Decimal(55),
    evidence="it saves 3,960 USD",
    asked_at=NOW - HOUR,
    expires_at=NOW + 7 * DAY - HOUR,
)


@pytest.fixture
def asked(stage: Stage) -> Stage:
    """The stage with one request."""
    stage.access.approvals.ask(ASKED)
    return stage


def answer(stage: Stage) -> RecordedConsent | None:
    return stage.access.approvals.answer(ASKED.id)


def use(stage: Stage) -> None:
    """A purchase uses the consent up."""
    client = boto3.client("dynamodb", region_name=REGION)
    fleets = DynamoFleets(client, "ledger", "consents")
    intent = build_purchase(NOW, commitment=Commitment.ONE_MONTH, consent_id=ASKED.id)
    reserve(fleets, intent)


def test_an_approval_names_who_what_how_dear_and_until_when(asked: Stage) -> None:
    printed = asked.told("approve", ASKED.id, "--yes")

    assert "1 unit of" in printed
    assert "for one month: 55.00 USD per hour" in printed
    assert "it saves 3,960 USD" in printed
    assert answer(asked) == RecordedConsent(
        id=ASKED.id,
        target="chat",
        model_id=PT_MODEL,
        units=1,
        term=Commitment.ONE_MONTH,
        max_usd_per_hour=Decimal(55),
        given_by=ME,
        valid_until=ASKED.expires_at,
    )


def test_an_approval_may_have_a_higher_ceiling_and_an_earlier_end(asked: Stage) -> None:
    asked.told("approve", ASKED.id, "--max-usd-per-hour", "60", "--until", "2d", "--yes")

    given = answer(asked)
    assert given is not None
    assert (given.max_usd_per_hour, given.valid_until) == (Decimal(60), NOW + 2 * DAY)


def test_what_could_never_buy_or_would_last_too_long_is_refused(asked: Stage) -> None:
    for option, value, told in (
        ("--max-usd-per-hour", "54.99", "is below the 55"),
        ("--max-usd-per-hour", "cheap", "is no price"),
        ("--max-usd-per-hour", "NaN", "is below the 55"),
        ("--until", "8d", "cannot outlast the request"),
        ("--until", "2026-11-20T11:59Z", "which is over"),
    ):
        assert told in asked.refused("approve", ASKED.id, "--yes", option, value)

    assert answer(asked) is None


def test_an_approval_asks_before_it_is_given(asked: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    questions: list[str] = []

    def refuse(text: str, *, abort: bool) -> None:
        questions.append(text)
        assert abort
        raise typer.Abort

    monkeypatch.setattr("typer.confirm", refuse)

    asked.refused("approve", ASKED.id, status=130)

    assert questions == ["Buy it?"]
    assert answer(asked) is None


def test_an_approval_given_again_changes_nothing(asked: Stage) -> None:
    asked.told("approve", ASKED.id, "--yes")
    first = answer(asked)

    assert "not used yet; nothing was written" in asked.told(
        "approve", ASKED.id, "--max-usd-per-hour", "99", "--yes"
    )
    use(asked)
    assert "and bought by chat-capacity-" in asked.told("approve", ASKED.id, "--yes")

    assert first is not None
    assert answer(asked) == replace(first, used_by=build_purchase(NOW).decision_id, used_at=NOW)


def test_a_request_that_is_over_cannot_be_approved(stage: Stage) -> None:
    stage.access.approvals.ask(replace(ASKED, expires_at=NOW))

    assert "silence was a no" in stage.refused("approve", ASKED.id, "--yes")
    assert answer(stage) is None


def test_a_rejection_is_an_answer_that_no_approval_replaces(asked: Stage) -> None:
    assert "rejected; nothing is bought" in asked.told("reject", ASKED.id)

    assert f"was rejected by {ME}" in asked.told("approve", ASKED.id, "--yes")
    assert f"was rejected by {ME}" in asked.told("reject", ASKED.id)
    kept = answer(asked)
    assert kept is not None
    assert (kept.used_by, kept.rejected_by) == (REJECTED, ME)


def test_a_consent_is_taken_back_until_it_is_used(asked: Stage) -> None:
    asked.told("approve", ASKED.id, "--yes")

    assert "taken back" in asked.told("reject", ASKED.id)

    kept = answer(asked)
    assert kept is not None
    assert (kept.given_by, kept.rejected_by) == (ME, ME)


def test_a_purchase_cannot_be_taken_back(asked: Stage) -> None:
    asked.told("approve", ASKED.id, "--yes")
    use(asked)

    told = asked.refused("reject", ASKED.id)

    assert "a purchase cannot be taken back" in told
    assert "bedrock-autoscaler pause chat --direction grow" in told


def test_what_nobody_asked_for_is_refused_with_what_waits(asked: Stage) -> None:
    told = asked.refused("approve", "chat-six-months-2026w47", "--target", "chat", "--yes")

    assert "nobody asked for 'chat-six-months-2026w47'" in told
    assert ASKED.id in told
    assert "what waits for a word: nothing" in asked.refused(
        "reject", ASKED.id, "--target", "email"
    )


def test_requests_are_listed_with_what_came_of_them(asked: Stage) -> None:
    for number, expires_at in enumerate((NOW, NOW + DAY, NOW + DAY), start=1):
        request = replace(ASKED, id=f"chat-{number}-units-20261119", expires_at=expires_at)
        asked.access.approvals.ask(request)
    asked.told("reject", "chat-2-units-20261119")
    asked.told("approve", "chat-3-units-20261119", "--yes")

    printed = asked.told("requests")

    states = {row["id"]: row["state"] for row in asked.json("requests")}
    assert states == {
        "chat-1-units-20261119": "silent",
        "chat-2-units-20261119": "rejected",
        "chat-3-units-20261119": "approved",
        ASKED.id: "open",
    }
    assert f"open       {ASKED.id}\n" in printed
    assert printed.endswith("4 requests, 1 waiting for a word\n")


def test_the_state_of_a_used_and_of_an_expired_consent(asked: Stage) -> None:
    asked.access.approvals.give(build_consent(id=ASKED.id, valid_until=NOW - HOUR))
    assert asked.json("requests")[0]["state"] == "expired"

    use(asked)

    (row,) = asked.json("requests")
    assert (row["state"], row["given_by"]) == ("bought", "jane")
