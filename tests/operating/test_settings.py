"""`settings set`: checked, written in one piece, or refused."""

import json
from pathlib import Path

import pytest

from bedrock_autoscaler.cli.app import run
from bedrock_autoscaler.domain.units import HOUR
from tests.builders import ACCOUNT, NOW, REGION
from tests.documents import BASE
from tests.holds import limited, ticks
from tests.operating.stage import DOCUMENT, Stage

OTHER = "residency.other_models=true"


def test_a_field_is_changed_in_one_write_that_keeps_all_others(stage: Stage) -> None:
    text = stage.told(
        "settings", "set", "chat", "guard_rails.max_units=3", "mode=act", "--yes", "--why", "peak"
    )

    rails = DOCUMENT["guard_rails"] | {"max_units": 3}
    assert stage.stored() == DOCUMENT | {"guard_rails": rails, "mode": "act"}
    assert stage.version() == 2
    assert "guard_rails.max_units: 4 -> 3" in text
    assert 'mode: "advise" -> "act"' in text
    assert "it may hold 3 units of amazon.nova-2-lite-v1:0:256k (60.5 USD an hour each)" in text
    assert "written as version 2; the next tick reads it" in text
    version = stage.access.target("chat").settings_version
    assert f"chat decides under settings {version}" in text


def test_the_last_part_of_a_path_is_enough_where_it_is_unique(stage: Stage) -> None:
    stage.told("settings", "set", "chat", "grow_margin=1.3", "--unset", "max_usd_per_day", "--yes")

    stored = stage.stored()
    assert stored["sizing"] == {"grow_margin": 1.3}
    assert "max_usd_per_day" not in stored["guard_rails"]


def test_a_name_that_is_mistyped_is_refused_with_those_alike(stage: Stage) -> None:
    said = "there is no field 'keep_margn'; did you mean sizing.keep_margin?"
    whole = "there is no field 'sizing.keep_margn'; did you mean sizing.keep_margin?"

    assert said in stage.refused("settings", "set", "chat", "keep_margn=0.9")
    assert said in stage.refused("settings", "get", "chat", "keep_margn")
    assert whole in stage.refused("settings", "get", "chat", "sizing.keep_margn")
    assert run(["settings", "explain", "keep_margn"]) == 2
    assert said in stage.capsys.readouterr().err


def test_an_ambiguous_name_is_refused_with_the_paths(stage: Stage) -> None:
    error = stage.refused("settings", "set", "chat", "attempts_per_call=2", "--yes")

    assert "provisioned.attempts_per_call, observing.attempts_per_call" in error


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("max_units=ten", 'guard_rails.max_units: "ten" is not allowed; give a whole number'),
        ("max_units=-1", "guard_rails.max_units: -1 is not allowed; give a whole number from 0"),
        ("grow_margin=0.5", "sizing.grow_margin: 0.5 is not allowed; give a number from 1 to 5"),
        ("sizing.grow_margn=2", "sizing.grow_margn: unknown key; give an object with keys among"),
        ("account=000011112222", "account: 000011112222 in us-east-1 is another place"),
        ("mode=go", 'mode: "go" is not allowed; give "advise" or "act"'),
        ("max_units", "'max_units' is no change; write FIELD=VALUE"),
        ("options.7.price=list", "'7' is no position in a list of 1"),
        ("mode.x=1", 'mode.x leads through "advise", which has no fields'),
    ],
)
def test_what_would_not_be_valid_is_refused_and_not_written(
    stage: Stage, change: str, message: str
) -> None:
    error = stage.refused("settings", "set", "chat", change, "--yes")

    assert message in error
    assert stage.version() == 1


def test_defaults_that_would_break_a_target_are_refused(stage: Stage) -> None:
    stage.put("targets/chat", DOCUMENT | {"guard_rails": {"min_units": 2, "max_units": 3}})
    stage.put("defaults", {"guard_rails": {"max_units": 9}})

    error = stage.refused("settings", "set", "defaults", "slo.assure_throttled_share=0.5", "--yes")
    assert "slo.assure_throttled_share: 0.5 is not allowed; give a number from 0.0001 to 0.2" in (
        error
    )
    stage.put("targets/chat", DOCUMENT | {"slo": {"throttle_cost_factor": 0}})

    error = stage.refused("settings", "set", "defaults", "assure_throttled_share=0.01", "--yes")
    assert "chat: slo.throttle_cost_factor: 0 says that throttling costs nothing" in error
    assert stage.version("defaults") == 1


def test_nothing_is_written_without_consent(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", _Answers("n\n"))

    stage.refused("settings", "set", "chat", "max_units=3", status=130)

    assert stage.version() == 1


class _Answers:
    """Standard input with a person's answers."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines(keepends=True)

    def readline(self) -> str:
        return self._lines.pop(0) if self._lines else ""

    def isatty(self) -> bool:
        return False


def test_the_same_value_writes_nothing(stage: Stage) -> None:
    stage.told("settings", "set", "chat", "max_units=3", "--yes")

    text = stage.told("settings", "set", "chat", "max_units=3", "--yes")

    assert "nothing differs; nothing was written" in text
    assert stage.version() == 2


def test_a_new_model_that_the_stack_may_not_buy_is_told_with_the_deployment(stage: Stage) -> None:
    versions = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:custom-model/tuned"
    stage.stacks.parameters["PurchasableModelArns"] = f"{versions}/a"
    told = stage.told(
        "settings", "set", "chat", f"provisioned.model_id={versions}/b", OTHER, "--yes"
    )
    assert (
        f"the stack may not buy {versions}/b yet: sam deploy --parameter-overrides "
        f"PurchasableModelArns={versions}/a,{versions}/b"
    ) in told

    assert "may not buy" not in stage.told("settings", "set", "chat", "max_units=3", "--yes")
    stage.stacks.parameters["PurchasableModelArns"] = f"{versions}/*"
    told = stage.told(
        "settings", "set", "chat", f"provisioned.model_id={versions}/c", OTHER, "--yes"
    )
    assert "may not buy" not in told


def test_a_whole_document_comes_from_a_file(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "chat.json"
    path.write_text(json.dumps(BASE))

    stage.told("settings", "set", "chat", "--file", str(path), "max_units=2", "--yes")

    assert stage.stored() == BASE | {"guard_rails": {"max_units": 2}}


def test_a_document_that_is_not_there_is_not_made_by_a_typing_mistake(stage: Stage) -> None:
    error = stage.refused("settings", "set", "caht", "max_units=3", "--yes")

    assert (
        "there is no document /bedrock-autoscaler/settings/targets/caht; documents: chat" in error
    )
    assert "targets add caht" in error


def test_defaults_and_caps_of_the_stack_can_be_made(stage: Stage) -> None:
    caps = ["max_units=4", "max_usd_per_hour=250", "max_usd_per_day=3000", "max_usd_per_month=4e4"]

    stage.told("settings", "set", "stack", *caps, "--yes")
    stage.told("settings", "set", "defaults", "slo.throttle_cost_factor=4", "--yes")

    assert stage.stored("stack")["max_units"] == 4
    assert stage.access.target("chat").slo.throttle_cost_factor == 4


def test_a_document_that_outgrows_its_tier_is_refused(stage: Stage) -> None:
    ids = json.dumps([f"model-{'x' * 100}-{k}" for k in range(40)])

    error = stage.refused("settings", "set", "chat", f"model_ids={ids}", "--yes")

    assert "bytes are more than the 4,096 of its tier" in error
    assert stage.version() == 1


def test_what_if_shows_units_dollars_and_throttles_and_writes_nothing(stage: Stage) -> None:
    stage.record(ticks(1, limited(0), start=NOW - HOUR))

    found = stage.json(
        "settings", "set", "chat", "sizing.grow_margin=5", "max_units=1", "--what-if"
    )

    (tried,) = found["what_if"]
    assert (tried["decisions"], tried["target"]) == (13, "chat")
    assert tried["after"]["unit_hours"] <= tried["before"]["unit_hours"]
    assert found["written_version"] is None
    assert stage.version() == 1
    assert tried["routing_untried"] is False
    text = stage.told("settings", "set", "chat", "pressure_share=0.5", "--what-if")
    assert "which is not tried: routing decisions are not decided again" in text
    text = stage.told("settings", "set", "chat", "sizing.grow_margin=5", "--what-if")
    assert "not tried" not in text
    assert "what if, chat: 13 decisions from " in text
    assert "together, USD" in text


def test_what_if_without_stored_decisions_says_so(stage: Stage) -> None:
    text = stage.told("settings", "set", "chat", "max_units=1", "--what-if", "--days", "2")

    assert "what if, chat: no stored decision to decide again: none was recorded in the last 2" in (
        text
    )


def test_the_help_of_set_has_every_threshold(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["settings", "set", "--help"]) == 0

    text = capsys.readouterr().out
    assert "sizing.keep_margin  a number from 0 to 1 (shipped: 0.95)" in text
    assert "routing.refused_minutes" in text
