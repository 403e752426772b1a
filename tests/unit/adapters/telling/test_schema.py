"""The published schema is that of the code, and fits every event that is sent."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bedrock_autoscaler.adapters.telling.detail import detail_of
from bedrock_autoscaler.adapters.telling.schema import Detail, schema_text
from bedrock_autoscaler.application.telling.events import Announcement, Kind
from bedrock_autoscaler.domain.decision import Purchase, Release, Restore
from bedrock_autoscaler.domain.target import Commitment
from tests.builders import NOW, build_decision
from tests.unit.application.test_asking import ASKED

ROOT = Path(__file__).parents[4]
ACTIONS = (
    Purchase(
        model_id="m",
        model_units=2,
        usd_per_hour=Decimal(110),
        commitment=Commitment.ONE_MONTH,
        consent_id="c-1",
    ),
    Release(arn="arn:1", model_units=1),
    Restore(arn="arn:2", model_units=1),
)
DECISION = build_decision(actions=ACTIONS, expected_saving_usd_per_hour=float("nan"))
PLAIN = Announcement(kind=Kind.CHANGE, id="d-1", name="published", target="chat", at=NOW)
EVERY_KIND = (
    replace(PLAIN, fields={"units": 2, "usd_per_hour": float("inf"), "arn": "arn:1"}),
    replace(PLAIN, kind=Kind.DECISION, decision=DECISION),
    replace(PLAIN, kind=Kind.ALARM, name="idle_units", text="idle\nunits"),
    replace(PLAIN, kind=Kind.REQUEST, id=ASKED.id, request=ASKED, text=ASKED.evidence),
)


def test_the_published_schema_is_the_code_s() -> None:
    published = ROOT / "docs" / "schema" / "event.schema.json"

    assert published.read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize("one", EVERY_KIND, ids=[one.kind.value for one in EVERY_KIND])
def test_every_kind_of_event_fits_the_schema_as_json(one: Announcement) -> None:
    sent = json.loads(json.dumps(detail_of(one, "prod"), allow_nan=False))

    read = Detail.model_validate(sent)

    assert read.kind == one.kind.value
    assert read.model_dump(mode="json", exclude_unset=True) == sent


@pytest.mark.parametrize("change", [{"prompt": "x"}, {"kind": "other"}, {"version": "2"}])
def test_the_schema_refuses_what_is_not_sent(change: dict[str, Any]) -> None:
    sent = detail_of(PLAIN, "prod")

    with pytest.raises(ValueError, match="validation error"):
        Detail.model_validate(sent | change)


def test_text_from_outside_stays_on_its_line_and_is_cut() -> None:
    outside = "MARKER\r\n\u202e" + "x" * 2_000

    detail = detail_of(replace(PLAIN, name=outside, text=outside, fields={"arn": outside}), "prod")

    for text in (detail["name"], detail["text"], detail["fields"]["arn"]):
        assert text.isprintable()
        assert len(text) == 1_000


def test_alarms_and_requests_carry_their_commands() -> None:
    alarm, request = (detail_of(one, "prod")["commands"] for one in EVERY_KIND[2:])

    assert "bedrock-autoscaler pause chat --direction grow --stack prod" in alarm
    assert request == [
        f"bedrock-autoscaler approve {ASKED.id} --target chat --stack prod",
        f"bedrock-autoscaler reject {ASKED.id} --target chat --stack prod",
    ]
