import json
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bedrock_autoscaler.cli.app import run
from bedrock_autoscaler.cli.money.savings import TABLES, _plain, notes
from bedrock_autoscaler.cli.review.status import _fleet
from bedrock_autoscaler.domain.fleet.lifecycle import Life
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import MINUTE
from bedrock_autoscaler.report.savings import Savings, Sums
from bedrock_autoscaler.report.standing import Held
from tests.builders import NOW, pt_arn
from tests.unit.cli.ledgers import told

DAY = timedelta(days=1)


def test_status_tells_fleet_routes_spend_and_what_comes(
    export: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")

    text = told(["status", "chat"], export, capsys)

    assert "chat  mode act" in text
    assert "1 unit requested, a-name, 60.50 USD an hour since 2026-11-20 12:00" in text
    # Recorded at noon, without an answer: it counts as billed from then.
    assert "60.50 booked for them today" in text
    assert "1 unit ordered at 12:00 UTC (recorded), expected in service about 12:15 UTC" in text
    assert "breaker  closed" in text


def test_status_is_the_same_as_json(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(told(["status", "--output", "json"], export, capsys))

    # An export stands still a minute after its newest decision.
    assert document["now"] == "2026-11-20T12:16:00+00:00"
    (chat,) = document["targets"]
    assert (chat["name"], chat["mode"], chat["is_late"]) == ("chat", "act", False)
    assert chat["held"][0]["life"] == "requested"


def test_watch_looks_as_often_as_it_is_told(
    export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = told(["watch", "--looks", "1"], export, capsys)

    assert "looked at again at 12:20 UTC" in text
    assert text.endswith("\n")


def test_an_unknown_target_is_refused(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "other", "--from", str(export)]) == 2
    assert "'other' has no decision; there are: chat" in capsys.readouterr().err


def test_the_ledger_names_what_was_booked(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(["ledger"], export, capsys)

    assert "booked for units this month: 60.50 USD" in text
    assert "chat-capacity-20261120T120000Z      1  recorded" in text


def test_a_day_that_was_never_read_has_no_sums() -> None:
    rows = [cells("day", Sums(minutes=1440)) for _, _, cells in TABLES]

    assert rows == [
        ("day", "0%", "0.00", "-", "-", "-", "-", "-"),
        ("day", "-", "-", "-", "-", "-", "0"),
    ]


def test_the_ledger_says_that_cached_tokens_are_not_counted() -> None:
    (line,) = notes(Sums(cache_read_tokens=1_200_000.0))

    assert line.startswith("1,200,000 tokens were read from a prompt cache: they cost money on")
    assert list(notes(Sums())) == []


def test_a_day_whose_price_on_demand_is_not_known_has_no_saving() -> None:
    read = Sums(minutes=60, known_minutes=60, units_usd=20.0, on_demand_usd=1.0)

    (_, _, cells), _ = TABLES

    assert cells("day", read) == ("day", "100%", "20.00", "1.00", "21.00", "-", "-", "-")
    plain = _plain(Savings(target="chat", days=(), total=read, purchases=(), month_units_usd=0.0))
    assert (plain["total"]["reference_usd"], plain["total"]["saved_usd"]) == (None, None)


def test_the_ledger_is_the_same_as_json(export: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (chat,) = json.loads(told(["ledger", "--output", "json"], export, capsys))

    assert chat["total"]["units_usd"] == 60.5
    assert chat["days"][-1]["day"] == "2026-11-20"
    assert chat["purchases"][0]["recorded_at"] == "2026-11-20T12:00:00+00:00"


@pytest.mark.parametrize(
    ("term", "until", "told_so"),
    [
        (Commitment.NONE, NOW + 20 * MINUTE, ", paid until 12:20 UTC"),
        (Commitment.ONE_MONTH, NOW + 30 * DAY, ", under one_month until 2026-12-20 12:00 UTC"),
        (Commitment.SIX_MONTHS, None, ", under six_months until an unknown moment"),
    ],
)
def test_what_is_paid_for_is_told_with_its_end(
    term: Commitment, until: datetime | None, told_so: str
) -> None:
    held = Held(
        arn=pt_arn(1),
        units=1,
        life=Life.ROUTED,
        usd_per_hour=Decimal("60.5"),
        since=NOW,
        paid_until=until,
        term=term,
    )
    only: Any = SimpleNamespace(held=(held,), others_units=0)

    assert list(_fleet(only))[1].endswith(told_so)
