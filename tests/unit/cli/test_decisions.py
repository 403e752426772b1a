"""The decision commands over an export, as the demo leaves one behind."""

import base64
import gzip
import json
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from bedrock_autoscaler.adapters.storage.codec import encode_decision
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.cli.app import run
from bedrock_autoscaler.cli.decisions.sources import open_export
from bedrock_autoscaler.domain.decide import decide
from tests.unit.cli.ledgers import BUY, HOLD, ROUTES, busy_situation, recorded, told


def test_list_has_all_decisions_of_both_loops_in_their_order(
    export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = told(["decisions", "list", "--output", "json"], export, capsys)

    ids = [decision["id"] for decision in json.loads(text)]
    assert ids == [BUY, ROUTES, HOLD]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--loop", "capacity"], [BUY, HOLD]),
        (["--loop", "capacity", "--changes"], [BUY]),
        (["--last", "1"], [HOLD]),
        (["--kind", "buy"], [BUY]),
        (["--kind", "hold"], [HOLD]),
        (["--kind", "routes"], [ROUTES]),
        (["--verdict", "unknown"], [BUY, HOLD]),
        (["--verdict", "bursty"], []),
        (["--reason", "units_pay_off"], [BUY]),
        (["--reason", "units_pay_off", "--reason", "history_short"], []),
        (["--min-usd", "1"], [BUY]),
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


def test_replay_takes_the_filters_of_list(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told_of = told(["decisions", "replay", "--kind", "buy"], export, capsys)

    assert told_of == "1 decisions replayed, 0 with a difference\n"


def test_a_list_without_any_decision_says_so(
    export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = told(["decisions", "list", "--min-usd", "1e9"], export, capsys)

    assert nothing == "no decision passes these filters\n"


def test_replay_shows_the_first_of_many_differences(
    export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = tmp_path / "forged.jsonl"
    situation = busy_situation()
    decision = decide(situation)
    numbers = tuple((name, -1.0) for name, _ in decision.numbers)
    forged.write_bytes(
        _with_decision(export, recorded(situation, replace(decision, numbers=numbers)))
    )

    assert run(["decisions", "replay", "--from", str(forged)]) == 2

    lines = capsys.readouterr().out.splitlines()
    assert lines[9] == f"  and {len(numbers) - 8} more; --output json has all"


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


def test_other_words_for_the_same_are_told_and_no_difference(
    export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = tmp_path / "forged.jsonl"
    situation = busy_situation()
    decision = decide(situation)
    first, *others = decision.reasons
    reasons = (replace(first, message="as an older version said it"), *others)
    forged.write_bytes(
        _with_decision(export, recorded(situation, replace(decision, reasons=reasons)))
    )

    text = told(["decisions", "replay"], forged, capsys)
    document = json.loads(told(["decisions", "replay", "--output", "json"], forged, capsys))

    assert text == (
        "3 decisions replayed, 0 with a difference\n"
        "1 say the same in other words; --output json has both\n"
    )
    (difference,) = document["differences"]
    assert difference["id"] == BUY
    assert difference["only_words"] is True
    assert difference["mismatches"] == [
        {
            "path": "reasons[0].message",
            "recorded": "as an older version said it",
            "replayed": first.message,
        }
    ]


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
        (["decisions", "list", "--reason", "unit_pays_off"], "did you mean units_pay_off"),
        (["decisions", "list", "--reason", "xyz"], "'xyz' is unknown; see `decisions explain`"),
        (["decisions", "export", "x.txt"], "x.txt: the ending says none of csv, json, parquet"),
        (["decisions", "export", "/proc/none/x.csv"], "/proc/none/x.csv: cannot be written"),
        (["decisions", "list", "--since", "yesterday"], "'yesterday' is not ISO 8601"),
        (["decisions", "list", "--since", "2026-11-20T12:00+01:00"], "is not UTC"),
        (
            ["decisions", "list", "--since", "2026-11-21", "--until", "2026-11-20"],
            "--since 2026-11-21 00:00 UTC is not before --until 2026-11-20 00:00 UTC; swap them",
        ),
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
