"""Versions of settings: named by a change, told with their reasons, compared, taken back."""

import json
from pathlib import Path

from tests.operating.stage import DOCUMENT, Stage

PARAMETER = "/bedrock-autoscaler/settings/targets/chat"


def test_a_change_rests_on_the_version_that_it_names(stage: Stage) -> None:
    stage.put("targets/chat", DOCUMENT)

    error = stage.refused("settings", "set", "chat", "max_units=3", "--if-version", "1", "--yes")

    assert f"{PARAMETER} is at version 2, not 1; nothing was written" in error


def test_history_names_each_version_with_what_changed_and_whether_it_is_valid(
    stage: Stage,
) -> None:
    stage.told("settings", "set", "chat", "max_units=3", "--yes", "--why", "before the fair")
    stage.put("targets/chat", "{not json")

    text = stage.told("settings", "history", "chat")

    assert "not valid: not JSON" in text
    assert "before the fair" in text
    assert "guard_rails.max_units: 4 -> 3" in text
    versions = stage.json("settings", "history", "chat")
    assert [entry["version"] for entry in versions] == [3, 2, 1]


def test_a_rollback_writes_the_last_valid_version_again(stage: Stage) -> None:
    stage.told("settings", "set", "chat", "max_units=3", "--yes")
    stage.put("targets/chat", "{not json")

    stage.told("settings", "rollback", "chat", "--yes")

    assert stage.stored()["guard_rails"]["max_units"] == 3
    assert stage.version() == 4
    assert stage.json("settings", "history", "chat")[0]["why"] == "as version 2"


def test_a_rollback_to_a_version_that_is_not_valid_is_refused(stage: Stage) -> None:
    stage.put("targets/chat", DOCUMENT | {"mode": 1})
    stage.put("targets/chat", DOCUMENT)

    assert "mode" in stage.refused("settings", "rollback", "chat", "--to", "2", "--yes")
    assert "keeps 1 to 3" in stage.refused("settings", "rollback", "chat", "--to", "9", "--yes")
    assert stage.version() == 3


def test_versions_are_compared_field_by_field(stage: Stage, tmp_path: Path) -> None:
    stage.told("settings", "set", "chat", "max_units=3", "--yes")
    stage.told("settings", "set", "chat", "max_units=2", "--yes")
    path = tmp_path / "chat.json"
    path.write_text(json.dumps(DOCUMENT))

    assert "version 2 -> version 3" in stage.told("settings", "diff", "chat")
    assert stage.json("settings", "diff", "chat", "--from", "1") == [
        {"field": "guard_rails.max_units", "before": 4, "after": 2}
    ]
    assert "guard_rails.max_units: 2 -> 4" in stage.told(
        "settings", "diff", "chat", "--file", str(path)
    )
