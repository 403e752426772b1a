"""The drift check turns red where the world or botocore leaves the model."""

from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel

from bedrock_world.errors import BedrockError, DriftError
from bedrock_world.wire import encode, operations
from bedrock_world.world import World
from tests.world.script import PT, run_script
from tests.world.support import HELLO, NOVA_LITE, error_of, send, world_with


def _with_answer(operation: str, answer: dict[str, Any]) -> World:
    """A world in which somebody broke one handler."""
    world = world_with()
    world._handlers[operation] = lambda _: answer
    return world


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"provisionedModelArn": "arn", "unheardOf": 1}, "Unknown field 'unheardOf'"),
        ({}, "'provisionedModelArn' failed to satisfy constraint: Member must not be null"),
        ({"provisionedModelArn": "arn:aws:bedrock"}, "satisfy regular expression pattern"),
        ({"provisionedModelArn": 7}, "Member must be a string"),
    ],
)
def test_an_answer_that_breaks_its_shape_turns_red(answer: dict[str, Any], words: str) -> None:
    world = _with_answer("CreateProvisionedModelThroughput", answer)
    response = send(world, "POST", "/provisioned-model-throughput", PT)
    status, code, message = error_of(response)

    assert (status, code) == (500, "DriftError")
    assert words in message


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([{"unheardOf": {}}], "no event unheardOf"),
        ([{"messageStop": {}}], "'stopReason' failed"),
        ([{"messageStop": {"stopReason": "tired"}}], "enum value set"),
    ],
)
def test_an_event_that_breaks_its_shape_turns_red(events: list[dict[str, Any]], words: str) -> None:
    world = _with_answer("ConverseStream", {"stream": events})
    response = send(world, "POST", f"/model/{NOVA_LITE}/converse-stream", {"messages": HELLO})
    status, code, message = error_of(response)

    assert (status, code) == (500, "DriftError")
    assert words in message


def test_an_error_that_the_operation_does_not_model_turns_red() -> None:
    def fail(_: object) -> dict[str, Any]:
        raise BedrockError("ServiceQuotaExceededException", "not for Get")

    world = world_with()
    world._handlers["GetProvisionedModelThroughput"] = fail
    status, code, message = error_of(send(world, "GET", "/provisioned-model-throughput/fleet-1"))

    assert (status, code) == (500, "DriftError")
    assert "GetProvisionedModelThroughput does not know the error Service" in message


@pytest.mark.parametrize(
    ("operation", "path", "answer", "words"),
    [
        ("InvokeModel", "invoke", {"body": b"{}", "contentType": 3}, "be a string"),
        ("InvokeModel", "invoke", {"body": "text", "contentType": "a"}, "be bytes"),
        (
            "InvokeModelWithResponseStream",
            "invoke-with-response-stream",
            {"body": [], "contentType": 3},
            "be a string",
        ),
        (
            "InvokeModelWithResponseStream",
            "invoke-with-response-stream",
            {"body": []},
            "lacks contentType",
        ),
    ],
)
def test_members_outside_the_body_of_an_answer_are_checked_too(
    operation: str, path: str, answer: dict[str, Any], words: str
) -> None:
    world = _with_answer(operation, answer)
    response = send(world, "POST", f"/model/{NOVA_LITE}/{path}", {"messages": HELLO})
    status, code, message = error_of(response)

    assert (status, code) == (500, "DriftError")
    assert words in message


def test_an_instant_that_is_none_turns_red() -> None:
    (answer,) = (a for operation, _, a in run_script() if operation == "GetInferenceProfile")
    shape = operations()["GetInferenceProfile"].model.output_shape

    assert shape is not None
    with pytest.raises(DriftError, match="a timestamp"):
        encode(shape, {**answer, "createdAt": "yesterday"}, "GetInferenceProfile")


def test_a_new_required_member_in_botocore_turns_the_check_red() -> None:
    """What an upgrade of botocore would do: its model is changed under the world's feet."""
    answers = {operation: answer for operation, _, answer in run_script()}
    name = "GetProvisionedModelThroughput"
    description = Loader().load_service_model("bedrock", "service-2")
    shape = description["shapes"][f"{name}Response"]
    shape["members"]["billedFrom"] = {"shape": "Timestamp"}
    shape["required"].append("billedFrom")
    grown = ServiceModel(description, "bedrock").operation_model(name).output_shape

    assert grown is not None
    with pytest.raises(DriftError, match="billedFrom"):
        encode(grown, answers[name], name)


def test_a_field_dropped_from_botocore_turns_the_check_red() -> None:
    answers = {operation: answer for operation, _, answer in run_script()}
    name = "ListProvisionedModelThroughputs"
    description = Loader().load_service_model("bedrock", "service-2")
    summary = description["shapes"]["ProvisionedModelSummary"]
    del summary["members"]["desiredModelUnits"]
    summary["required"].remove("desiredModelUnits")
    shrunk = ServiceModel(description, "bedrock").operation_model(name).output_shape

    assert shrunk is not None
    with pytest.raises(DriftError, match="desiredModelUnits"):
        encode(shrunk, answers[name], name)
