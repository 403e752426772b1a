"""Reviewing a deployed stack: what the commands say of its live ledger."""

from dataclasses import replace
from pathlib import Path

import pytest

from bedrock_autoscaler.domain.target import Loop, Mode
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW
from tests.operating.stage import Stage
from tests.unit.cli.ledgers import TARGET, busy_situation, quiet_situation, recorded

ADVISED = replace(TARGET, mode=Mode.ADVISE)


@pytest.fixture
def reviewed(stage: Stage) -> Stage:
    """A stack in advise that would have bought, and thought otherwise five minutes later."""
    stage.record(
        [
            recorded(replace(busy_situation(), scheduled_at=NOW - 7 * MINUTE)),
            recorded(replace(quiet_situation(), scheduled_at=NOW - 2 * MINUTE)),
        ]
    )
    return stage


def test_the_live_ledger_is_listed_and_filtered(reviewed: Stage) -> None:
    everything = reviewed.json("decisions", "list")
    bought = reviewed.json("decisions", "list", "--kind", "buy")

    assert [one["id"] for one in everything] == [
        "chat-capacity-20261120T115300Z",
        "chat-capacity-20261120T115800Z",
    ]
    assert bought == everything[:1]


def test_the_same_advice_again_is_no_change(stage: Stage) -> None:
    # Nothing is published in advise: each routing decision differs from the table in force.
    busy, routing = busy_situation(), replace(busy_situation(), loop=Loop.ROUTING)
    stage.record(
        [
            recorded(replace(each, scheduled_at=NOW - ago * MINUTE, target=ADVISED))
            for each in (busy, routing)
            for ago in (20, 15, 10)
        ]
    )

    changes = stage.json("decisions", "list", "--changes")
    later = stage.json("decisions", "list", "--changes", "--since", "2026-11-20T11:45")

    assert [one["id"] for one in changes] == [
        "chat-capacity-20261120T114000Z",
        "chat-routing-20261120T114000Z",
    ]
    assert later == []


def test_status_watch_and_ledger_go_by_the_stack_s_clock(reviewed: Stage) -> None:
    told = reviewed.json("status", "chat")
    live = reviewed.told("watch", "--looks", "1")
    (savings,) = reviewed.json("ledger")

    (chat,) = told["targets"]
    # Nobody has set the switch in this account.
    assert told["switch"] == "nothing"
    assert "the kill switch says 'nothing': nothing is bought, deleted or routed" in live
    assert (told["now"], chat["is_late"]) == ("2026-11-20T12:00:00+00:00", False)
    # The stack looks each 5 minutes, lately at 11:58.
    assert chat["coming"][-1] == "looked at again at 12:03 UTC"
    assert "looked at again at 12:03 UTC" in live
    assert (savings["target"], savings["month_units_usd"]) == ("chat", 0.0)


def test_report_names_the_stack(reviewed: Stage, tmp_path: Path) -> None:
    path = tmp_path / "report.html"

    text = reviewed.told("report", "--days", "1", "--out", str(path))

    assert text.startswith(f"{path}: 2 decisions")
    assert "Made of stack test as of 2026-11-20T12:00:00Z" in path.read_text(encoding="utf-8")


def test_a_stack_without_decisions_says_so(stage: Stage) -> None:
    assert "no target was decided upon yet" in stage.refused("status")
    assert "no decision from" in stage.refused("report")
