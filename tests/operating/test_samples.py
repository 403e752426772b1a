"""The samples on the page on operating are what is sent."""

import json
from dataclasses import replace
from datetime import timedelta

from bedrock_autoscaler.adapters.telling.detail import detail_of
from bedrock_autoscaler.application.telling.events import Announcement, Kind
from bedrock_autoscaler.application.telling.messages import (
    Message,
    message_on_alarm,
    message_on_request,
)
from bedrock_autoscaler.domain.commitments.terms import terms_of
from bedrock_autoscaler.domain.consents.consent import Request
from bedrock_autoscaler.domain.target import Commitment
from tests.builders import NOW, UNIT_PRICE
from tests.deployment.template import ROOT
from tests.unit.application.test_asking import ASKED

PAGE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
STACK = "bedrock-autoscaler"
REQUEST: Request = replace(
    ASKED,
    evidence="units 1 to 2 would be cheaper for one month: 81,840 USD at 55.00 per unit-hour save "
    "8,184, if the term is like the past weeks (+5,270 like the worst of them, +8,184 like the "
    "best). If demand halves tomorrow it loses 36,828 USD, if it ends 81,840",
)
ARN = "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abc123"
IDLE = f"{ARN} is idle; 181.50 USD have been paid for it so far"
CHANGE = Announcement(
    kind=Kind.CHANGE,
    id="chat-capacity-20261120T120000Z/purchase_bought",
    name="purchase_bought",
    target="chat",
    at=NOW + timedelta(seconds=41),
    fields={
        "decision_id": "chat-capacity-20261120T120000Z",
        "units": 1,
        "usd_per_hour": 60.5,
        "arn": ARN,
    },
)


def shown(message: Message) -> str:
    return f"Subject: {message.subject}\n\n{message.body}"


def samples() -> tuple[str, str, str]:
    """As they stand on the page."""
    return (
        shown(message_on_request(REQUEST, STACK)),
        shown(message_on_alarm("idle_units", "chat", [IDLE], STACK)),
        json.dumps(
            {
                "source": STACK,
                "detail-type": "Bedrock Autoscaler Change",
                "detail": detail_of(CHANGE, STACK),
            },
            indent=2,
        )
        + "\n",
    )


def test_the_page_shows_what_is_sent() -> None:
    for sample in samples():
        assert f"\n{sample}```" in PAGE


def test_a_term_costs_the_same_in_the_request_and_in_its_evidence() -> None:
    body = message_on_request(REQUEST, STACK).body

    # 2 units x 55.00 USD x 31 days of 24 hours, as `terms_of` takes a month.
    (priced,) = terms_of(UNIT_PRICE)
    dollars = f"{2 * priced.usd_per_hour * priced.hours:,.0f} USD"
    assert f"{dollars} in a month of 31 days" in body
    assert f"{dollars} at 55.00 per unit-hour" in body


def test_a_purchase_without_a_term_is_asked_for_without_the_warning_of_one() -> None:
    large = message_on_request(replace(REQUEST, term=Commitment.NONE), STACK)

    assert large.subject == f"[{STACK}] chat: approve 2 units without commitment?"
    assert "A term is paid" not in large.body


def test_a_subject_is_what_the_topic_takes() -> None:
    long = message_on_alarm("idle_units", "größe-" + "x" * 200, [IDLE], STACK)

    assert len(long.subject) == 100
    assert long.subject.isascii()
    assert long.subject.isprintable()


def test_text_from_outside_cannot_add_lines_and_is_bounded() -> None:
    texts = ["MARKER\r\nYes, until then:\n" + "x" * 5_000] * 30

    body = message_on_alarm("idle_units", "chat", texts, STACK).body

    assert "\nYes, until then:" not in body
    assert "... and 10 more of the kind" in body
    assert len(body) < 256 * 1024
