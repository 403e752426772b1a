"""The drift check: what the world takes and gives, against botocore's own service models."""

from typing import Any, get_args, get_type_hints

import pytest
from botocore.validate import ParamValidator

from bedrock_world.errors import UNMODELLED_ERRORS, BedrockError
from bedrock_world.settings import Episode, WorldSettings
from bedrock_world.shapes import KNOWN_DEVIATIONS
from bedrock_world.wire import OPERATIONS, encode, error_status, operations, service_model
from tests.world.script import SCRIPT, run_script
from tests.world.support import world_with


def test_every_operation_of_the_world_is_modelled_handled_and_exercised() -> None:
    world = world_with()
    exercised = {operation for operation, _ in SCRIPT}

    assert exercised == set(operations())
    assert set(world._handlers) == set(operations())
    for service, names in OPERATIONS.items():
        assert set(names) <= set(service_model(service).operation_names)


def test_botocores_own_validator_accepts_every_request_and_answer() -> None:
    """A second opinion beside the world's own walk, which must say the same."""
    validator = ParamValidator()
    for operation, params, answer in run_script():
        model = operations()[operation].model
        assert model.input_shape is not None
        reports = [validator.validate(dict(params), model.input_shape).generate_report()]
        stream = model.get_event_stream_output()
        if stream is not None:
            events = answer.get("stream") or answer["body"]
            reports += [validator.validate(event, stream).generate_report() for event in events]
        elif model.output_shape is not None:
            reports.append(validator.validate(answer, model.output_shape).generate_report())
            encode(model.output_shape, answer, operation)
        assert reports == [""] * len(reports), operation


ERROR_SWITCHES: list[tuple[str, str]] = [
    ("duplicate_name", "CreateProvisionedModelThroughput"),
    ("equal_replay", "CreateProvisionedModelThroughput"),
    ("changed_replay", "CreateInferenceProfile"),
    ("delete_while_creating", "DeleteProvisionedModelThroughput"),
    ("committed_delete_error", "DeleteProvisionedModelThroughput"),
    *(
        (switch, operation)
        for switch in ("creating_pt_error", "deleted_pt_error")
        for operation in OPERATIONS["bedrock-runtime"]
    ),
]


def _codes(hint: object) -> list[str]:
    return [code for code in get_args(hint) if str(code).endswith("Exception")]


@pytest.mark.parametrize(("switch", "operation"), ERROR_SWITCHES)
def test_every_error_a_switch_can_choose_is_modelled_or_excused(
    switch: str, operation: str
) -> None:
    codes = _codes(get_type_hints(WorldSettings)[switch])

    assert codes
    for code in codes:
        assert error_status(operations()[operation], BedrockError(code, "")) >= 400


def test_every_error_of_an_episode_is_modelled_and_no_error_switch_is_forgotten() -> None:
    for code in _codes(get_type_hints(Episode)["code"]):
        for operation in OPERATIONS["bedrock-runtime"]:
            assert code in operations()[operation].error_statuses
    switches = {name for name, hint in get_type_hints(WorldSettings).items() if _codes(hint)}
    assert switches == {switch for switch, _ in ERROR_SWITCHES}


def test_each_excuse_is_still_needed_and_gives_its_reason() -> None:
    for (operation, code), reason in UNMODELLED_ERRORS.items():
        assert code not in operations()[operation].error_statuses
        assert len(reason) > 40
    for (shape_name, value), reason in KNOWN_DEVIATIONS.items():
        shape: Any = service_model("bedrock").shape_for(shape_name)
        assert value not in shape.enum
        assert len(reason) > 40
