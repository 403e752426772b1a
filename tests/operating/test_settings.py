"""`settings`: read, checked, changed, compared, taken back."""

import json
from pathlib import Path

import pytest
from botocore.exceptions import (
    EndpointConnectionError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)

from bedrock_autoscaler.cli.app import run
from bedrock_autoscaler.domain.units import HOUR
from tests.builders import ACCOUNT, NOW, REGION
from tests.client.refusals import refusal
from tests.documents import BASE
from tests.operating.stage import DOCUMENT, STACK, Stage
from tests.unit.application.test_what_if import limited, ticks

OTHER = "residency.other_models=true"
PARAMETER = "/bedrock-autoscaler/settings/targets/chat"


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


def test_a_change_rests_on_the_version_that_it_names(stage: Stage) -> None:
    stage.put("targets/chat", DOCUMENT)

    error = stage.refused("settings", "set", "chat", "max_units=3", "--if-version", "1", "--yes")

    assert f"{PARAMETER} is at version 2, not 1; nothing was written" in error


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


def test_without_caps_of_the_stack_those_in_force_are_shown_with_the_way_to_others(
    stage: Stage,
) -> None:
    option = {"kind": "on_demand", "address": "amazon.nova-lite-v1:0"}
    residency = {"other_models": True}
    stage.put("targets/search", DOCUMENT | {"options": [option], "residency": residency})
    # Two targets with four units, 242, 5,000 and 50,000 USD each.
    write = (
        "settings set stack max_units=8 max_usd_per_hour=484 max_usd_per_day=10000 "
        "max_usd_per_month=100000"
    )

    shown = stage.told("settings", "show", "stack")
    assert "there is no document; in force are the sums over the targets' caps" in shown
    assert "max_usd_per_hour = 484.0  [sum over the targets]" in shown
    assert write in shown
    assert write in stage.refused("settings", "set", "stack", "max_units=6", "--what-if")
    stage.told(*write.split(), "--yes")

    assert "max_units = 8  [document]" in stage.told("settings", "show", "stack")


def test_caps_of_the_stack_that_are_gone_are_shown_as_the_last_valid_ones(stage: Stage) -> None:
    caps = ["max_units=4", "max_usd_per_hour=250", "max_usd_per_day=3000"]
    stage.told("settings", "set", "stack", *caps, "max_usd_per_month=40000", "--yes")
    stage.accept()
    stage.ssm.delete_parameter(Name="/bedrock-autoscaler/settings/stack")

    shown = stage.told("settings", "show", "stack")

    assert "the document is gone, and its last caps stay in force" in shown
    assert "max_units = 4  [document]" in shown


def test_a_document_that_outgrows_its_tier_is_refused(stage: Stage) -> None:
    ids = json.dumps([f"model-{'x' * 100}-{k}" for k in range(40)])

    error = stage.refused("settings", "set", "chat", f"model_ids={ids}", "--yes")

    assert "bytes are more than the 4,096 of its tier" in error
    assert stage.version() == 1


def test_what_is_in_force_shows_where_each_value_comes_from(stage: Stage) -> None:
    stage.put("defaults", {"slo": {"throttle_cost_factor": 4}})

    text = stage.told("settings", "show", "chat")

    assert text.startswith("chat: version 1 of ")
    assert "guard_rails.max_units = 4  [document]" in text
    assert "slo.throttle_cost_factor = 4  [defaults]" in text
    assert "further fields have their shipped value; --all shows them" in text
    shown = stage.told("settings", "show", "chat", "--all")
    assert "sizing.grow_margin = 1.15  [shipped]" in shown


def test_an_invalid_document_shows_what_is_wrong_and_what_is_in_force(stage: Stage) -> None:
    stage.accept()
    stage.put("targets/chat", DOCUMENT | {"guard_rails": {"max_units": "ten"}})

    text = stage.told("settings", "show", "chat")

    assert 'INVALID: guard_rails.max_units: "ten" is not allowed' in text
    assert "in force is the last valid text:" in text
    assert "guard_rails.max_units = 4  [document]" in text
    assert stage.json("settings", "show", "chat")["in_force"]["guard_rails"]["max_units"] == 4


def test_a_value_in_force_is_printed_as_json(stage: Stage) -> None:
    assert stage.told("settings", "get", "chat", "guard_rails.max_units") == "4\n"
    assert stage.told("settings", "get", "chat", "sizing.keep_margin") == "0.95\n"
    assert json.loads(stage.told("settings", "get", "chat")) == DOCUMENT
    assert "options.7.quota has no value; `settings show chat --all`" in stage.refused(
        "settings", "get", "chat", "options.7.quota"
    )


def test_a_field_of_the_stack_s_document_is_found_by_its_name(stage: Stage) -> None:
    caps = ["max_units=4", "max_usd_per_hour=250", "max_usd_per_day=3000"]
    stage.told("settings", "set", "stack", *caps, "max_usd_per_month=40000", "--yes")

    assert stage.told("settings", "get", "stack", "max_units") == "4\n"


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


def test_each_field_is_explained_with_range_and_effect(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["settings", "explain", "grow_margin"]) == 0
    text = capsys.readouterr().out
    assert "sizing.grow_margin  a number from 1 to 5 (shipped: 1.15)" in text
    assert "A unit is bought at this multiple of its price in worth; higher: fewer" in text
    assert run(["settings", "explain", "grow_margn"]) == 2
    assert "there is no field 'grow_margn'" in capsys.readouterr().err


def test_the_help_of_set_has_every_threshold(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["settings", "set", "--help"]) == 0

    text = capsys.readouterr().out
    assert "sizing.keep_margin  a number from 0 to 1 (shipped: 0.95)" in text
    assert "routing.refused_minutes" in text


def test_a_stack_that_is_not_there_is_named(stage: Stage) -> None:
    assert run(["settings", "show", "chat", "--stack", "none"]) == 2
    assert "stack 'none' cannot be read" in stage.capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "help_"),
    [
        (NoRegionError(), "You must specify a region; name the stack's Region"),
        (NoCredentialsError(), "Unable to locate credentials; log in to AWS"),
        (ProfileNotFound(profile="nope"), "; name one that `aws configure list-profiles` has"),
        (EndpointConnectionError(endpoint_url="https://x"), "; look at the network, the proxy"),
        (InvalidRegionError(region_name="a b"), "; name the stack's Region"),
        (refusal("ExpiredToken"), "; use credentials that are valid and may call"),
        (refusal("ValidationError"), "; name another with --stack, or the Region that it is in"),
    ],
)
def test_what_the_sdk_lacks_is_told_with_the_way_to_give_it(
    stage: Stage, error: Exception, help_: str
) -> None:
    def fail(_: object) -> object:
        raise error

    stage.answer("cloudformation.DescribeStacks", fail)

    for command in (["settings", "show", "chat"], ["status"]):
        assert help_ in stage.refused(*command)
    assert STACK == "test"
