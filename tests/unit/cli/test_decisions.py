"""The decision commands over an export, as the demo leaves one behind."""

import base64
import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from bedrock_autoscaler.adapters.storage.codec import encode_decision
from bedrock_autoscaler.adapters.storage.decisions import DynamoDecisions
from bedrock_autoscaler.adapters.storage.fleets import DynamoFleets
from bedrock_autoscaler.application.ports import RecordedDecision
from bedrock_autoscaler.cli.app import run
from bedrock_autoscaler.cli.ledger import open_export, write_export
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import Decision, Situation
from bedrock_autoscaler.domain.intent import FleetRecord, PurchaseIntent, PurchaseState
from bedrock_autoscaler.domain.target import Commitment, Loop
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import (
    NOW,
    REGION,
    UNIT_PRICE,
    build_observation,
    build_provisioned,
    build_situation,
    build_target,
    build_traffic,
)

TABLE = "ledger"
# Two full model units for a day, at a price far below what their tokens cost on demand.
BUSY = build_traffic(input_tokens=2_000_000.0, output_tokens=600_000.0, invocations=2_000.0)
CHEAP = replace(UNIT_PRICE, usd_per_hour=Decimal(20))


TARGET = build_target(provisioned=build_provisioned(price=CHEAP))


def busy_situation() -> Situation:
    return build_situation(target=TARGET, observation=build_observation(traffic=BUSY))


def quiet_situation() -> Situation:
    idle = build_traffic(input_tokens=100.0, output_tokens=10.0, invocations=1.0)
    return build_situation(target=TARGET, observation=build_observation(traffic=idle))


def recorded(situation: Situation, decision: Decision | None = None) -> RecordedDecision:
    return RecordedDecision(
        decision=decision or decide(situation),
        situation=situation,
        history=None,
        code_version="1.2.3",
    )


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A ledger with a purchase decision and its intent, a later hold and a routing decision."""
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        environment.setenv("AWS_ACCESS_KEY_ID", "testing")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        client = boto3.client("dynamodb", region_name=REGION)
        client.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
        )
        decisions = DynamoDecisions(client, TABLE)
        purchase = recorded(busy_situation())
        decisions.record(purchase)
        decisions.record(recorded(replace(quiet_situation(), scheduled_at=NOW + 15 * MINUTE)))
        decisions.record(recorded(replace(quiet_situation(), loop=Loop.ROUTING)))
        DynamoFleets(client, TABLE).begin_purchase(
            intent_of(purchase.decision.id),
            fleet=FleetRecord(
                target="chat", reserved_units=0, reserved_usd_per_hour=Decimal(0), version=0
            ),
            unmanaged_units=0,
            max_units=10,
            max_usd_per_hour=Decimal(1000),
        )
        path = tmp_path_factory.mktemp("export") / "ledger.jsonl.gz"
        assert write_export(client, TABLE, path) > 4
        yield path


def intent_of(decision_id: str) -> PurchaseIntent:
    return PurchaseIntent(
        decision_id=decision_id,
        target="chat",
        token="token",  # noqa: S106 - an idempotency token
        name="a-name",
        model_id="m",
        model_units=1,
        commitment=Commitment.NONE,
        usd_per_hour=Decimal("60.5"),
        state=PurchaseState.RECORDED,
        recorded_at=NOW,
        arn=None,
        billed_from=None,
        in_service_since=None,
        ended_at=None,
        detail="waiting",
        version=1,
    )


BUY = "chat-capacity-20261120T120000Z"
HOLD = "chat-capacity-20261120T121500Z"


def told(arguments: list[str], export: Path, capsys: pytest.CaptureFixture[str]) -> str:
    status = run([*arguments, "--from", str(export)])
    printed = capsys.readouterr()
    assert status == 0, printed.err
    return printed.out


def test_list_has_all_decisions_of_both_loops_in_their_order(
    export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = told(["decisions", "list", "--output", "json"], export, capsys)

    ids = [decision["id"] for decision in json.loads(text)]
    assert ids == [BUY, "chat-routing-20261120T120000Z", HOLD]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--loop", "capacity"], [BUY, HOLD]),
        (["--loop", "capacity", "--changes"], [BUY]),
        (["--last", "1"], [HOLD]),
        (["--since", "2026-11-20T12:01Z"], [HOLD]),
        (["--loop", "capacity", "--until", "2026-11-20T12:15Z"], [BUY]),
    ],
)
def test_list_can_be_narrowed(
    options: list[str], expected: list[str], export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = told(["decisions", "list", *options, "--output", "json"], export, capsys)

    assert [decision["id"] for decision in json.loads(text)] == expected


def test_list_says_what_was_decided_and_why(
    export: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")

    text = told(["decisions", "list", "--changes", "--loop", "capacity"], export, capsys)

    assert BUY in text
    assert "buy 2 units" in text
    assert "units 1 to 2 each avoid at least" in text


def test_show_reads_as_an_argument(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(["decisions", "show", BUY], export, capsys)

    assert text.startswith("chat, capacity loop, 2026-11-20T12:00:00Z: buy 2 units (act)\n")
    headings = ["Seen", "Expected", "Alternatives", "Because", "What would change it", "What came"]
    places = [text.index(f"\n{heading}") for heading in headings]
    assert places == sorted(places)
    assert "1,440 minutes" in text
    assert "in model units: 2.00 on average, 2.00 in the highest minute" in text
    assert "unit rate: stated, 1,000,000 input and 300,000 output tokens a minute (test); " in text
    assert "decided" in text
    assert "purchase: buy 2" in text
    # Bought from 1.15 x 20 USD, which is 0.33 of 69.30: of the second unit 2 x 0.666 - 1.
    assert "less than 0.67 times the traffic (unit 2 in use 0.33): buy 1 unit" in text
    assert "purchase of 1 unit of m as a-name: recorded (waiting)" in text


def test_show_gives_the_same_argument_as_json(
    export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(told(["decisions", "show", BUY, "--output", "json"], export, capsys))

    assert document["decision"]["id"] == BUY
    assert document["code_version"] == "1.2.3"
    assert "What would change it" in document["argument"]


def test_replay_finds_no_difference_in_what_was_recorded(
    export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(["decisions", "replay"], export, capsys) == (
        "3 decisions replayed, 0 with a difference\n"
    )


def test_replay_names_a_difference_and_fails(
    export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = tmp_path / "forged.jsonl"
    situation = busy_situation()
    decision = replace(decide(situation), desired_units=7)
    forged.write_bytes(_with_decision(export, recorded(situation, decision)))

    status = run(["decisions", "replay", "--from", str(forged)])

    printed = capsys.readouterr()
    assert status == 2
    assert "desired_units: was 7, is 2" in printed.out
    assert f"1 of 3 decisions replay differently; the first is {BUY}" in printed.err


def _with_decision(export: Path, forged: RecordedDecision) -> bytes:
    """The export with one decision's document replaced."""
    lines = [json.loads(line) for line in gzip.decompress(export.read_bytes()).splitlines()]
    for line in lines:
        if line["Item"].get("id") == {"S": forged.decision.id}:
            document = zlib.compress(encode_decision(forged.decision))
            line["Item"]["document"] = {"B": base64.b64encode(document).decode()}
    return "\n".join(json.dumps(line) for line in lines).encode()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["decisions", "show", "chat-capacity-20200101T000000Z"], "is unknown; `decisions list`"),
        (["decisions", "list", "--target", "other"], "'other' has no decision; there are: chat"),
        (["decisions", "list", "--since", "yesterday"], "'yesterday' is not ISO 8601"),
        (["decisions", "list", "--since", "2026-11-20T12:00+01:00"], "is not UTC"),
    ],
)
def test_refuses_what_it_cannot_find(
    arguments: list[str], reason: str, export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "--from", str(export)]) == 2
    assert reason in capsys.readouterr().err


def test_refuses_a_file_that_is_no_export(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"Item": {"pk": {"S": "a"}, "sk": {"S": "b"}}}\nnonsense\n')

    with pytest.raises(Exception, match=r"x\.jsonl: line 2: is not an item of a DynamoDB export"):
        open_export(path)
