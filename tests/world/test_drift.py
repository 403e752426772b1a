"""The drift check: what the world takes and gives, against botocore's own service models."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, get_args, get_type_hints

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from bedrock_world.errors import UNMODELLED_ERRORS, BedrockError, DriftError
from bedrock_world.settings import Episode, WorldSettings
from bedrock_world.shapes import KNOWN_DEVIATIONS
from bedrock_world.wire import OPERATIONS, encode, error_status, operations, service_model
from bedrock_world.world import World
from tests.world.support import (
    HELLO,
    NOVA_2,
    NOVA_LITE,
    NOVA_LITE_PROFILE,
    error_of,
    send,
    world_with,
)

PT = {"modelUnits": 1, "provisionedModelName": "fleet-1", "modelId": NOVA_2}
OURS = "arn:aws:bedrock:us-east-1:111111111111"
IMPORTED = f"{OURS}:imported-model/abcdefghijkl"
CUSTOM = f"{OURS}:custom-model/amazon.nova-2-lite-v1:0:256k/abcdefghijkl"
ENDPOINT = "arn:aws:sagemaker:us-east-1:111111111111:endpoint/own"
INSTANCES = {
    "initialInstanceCount": 2,
    "instanceType": "ml.g5.2xlarge",
    "executionRole": "arn:aws:iam::111111111111:role/endpoint",
}
LITE_ARN = f"arn:aws:bedrock:us-east-1::foundation-model/{NOVA_LITE}"
Script = list[tuple[str, Callable[[dict[str, str]], Mapping[str, Any]]]]

# One successful call of every operation; later ones use the ARNs of earlier ones.
SCRIPT: Script = [
    (
        "CreateProvisionedModelThroughput",
        lambda _: {**PT, "commitmentDuration": "OneMonth", "tags": [{"key": "a", "value": "b"}]},
    ),
    ("GetProvisionedModelThroughput", lambda _: {"provisionedModelId": "fleet-1"}),
    ("CreateProvisionedModelThroughput", lambda _: {**PT, "provisionedModelName": "fleet-2"}),
    ("ListProvisionedModelThroughputs", lambda _: {"maxResults": 1}),
    ("ListTagsForResource", lambda arns: {"resourceARN": arns["provisionedModelArn"]}),
    (
        "TagResource",
        lambda arns: {"resourceARN": arns["provisionedModelArn"], "tags": []},
    ),
    (
        "UntagResource",
        lambda arns: {"resourceARN": arns["provisionedModelArn"], "tagKeys": ["a"]},
    ),
    (
        "UpdateProvisionedModelThroughput",
        lambda arns: {
            "provisionedModelId": arns["provisionedModelArn"],
            "desiredProvisionedModelName": "fleet-3",
        },
    ),
    (
        "DeleteProvisionedModelThroughput",
        lambda arns: {"provisionedModelId": arns["provisionedModelArn"]},
    ),
    ("GetFoundationModel", lambda _: {"modelIdentifier": NOVA_LITE}),
    ("ListFoundationModels", lambda _: {}),
    (
        "CreateInferenceProfile",
        lambda _: {"inferenceProfileName": "chat", "modelSource": {"copyFrom": LITE_ARN}},
    ),
    (
        "GetInferenceProfile",
        lambda arns: {"inferenceProfileIdentifier": arns["inferenceProfileArn"]},
    ),
    ("ListInferenceProfiles", lambda _: {"maxResults": 2}),
    (
        "DeleteInferenceProfile",
        lambda arns: {"inferenceProfileIdentifier": arns["inferenceProfileArn"]},
    ),
    ("Converse", lambda _: {"modelId": NOVA_LITE_PROFILE, "messages": HELLO}),
    ("ConverseStream", lambda _: {"modelId": NOVA_LITE, "messages": HELLO}),
    ("InvokeModel", lambda _: {"modelId": NOVA_LITE, "body": b'{"messages": []}'}),
    (
        "InvokeModelWithResponseStream",
        lambda _: {"modelId": NOVA_LITE, "body": b'{"messages": []}'},
    ),
    (
        "GetServiceQuota",
        lambda _: {"ServiceCode": "bedrock", "QuotaCode": "L-FE44174A"},
    ),
    (
        "GetAWSDefaultServiceQuota",
        lambda _: {"ServiceCode": "bedrock", "QuotaCode": "L-FE44174A"},
    ),
    ("ListAWSDefaultServiceQuotas", lambda _: {"ServiceCode": "bedrock", "MaxResults": 1}),
    ("ListServiceQuotas", lambda _: {"ServiceCode": "bedrock", "MaxResults": 1}),
    ("GetImportedModel", lambda _: {"modelIdentifier": IMPORTED}),
    (
        "CreateCustomModelDeployment",
        lambda _: {"modelDeploymentName": "tuned-1", "modelArn": CUSTOM},
    ),
    (
        "GetCustomModelDeployment",
        lambda arns: {"customModelDeploymentIdentifier": arns["customModelDeploymentArn"]},
    ),
    (
        "DeleteCustomModelDeployment",
        lambda arns: {"customModelDeploymentIdentifier": arns["customModelDeploymentArn"]},
    ),
    ("GetMarketplaceModelEndpoint", lambda _: {"endpointArn": ENDPOINT}),
    (
        "UpdateMarketplaceModelEndpoint",
        lambda _: {"endpointArn": ENDPOINT, "endpointConfig": {"sageMaker": INSTANCES}},
    ),
    (
        "CreateModelInvocationJob",
        lambda _: {
            "jobName": "nightly",
            "roleArn": "arn:aws:iam::111111111111:role/batch",
            "modelId": NOVA_LITE,
            "inputDataConfig": {"s3InputDataConfig": {"s3Uri": "s3://team/in.jsonl"}},
            "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://team/out/"}},
        },
    ),
    ("GetModelInvocationJob", lambda arns: {"jobIdentifier": arns["jobArn"]}),
]


def run_script() -> list[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    world, arns = (
        world_with(
            lead_time=timedelta(0),
            imported_models=[IMPORTED],
            custom_models=[{"arn": CUSTOM, "base": NOVA_2}],
            endpoints=[{"arn": ENDPOINT}],
        ),
        dict[str, str](),
    )
    done: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = []
    for operation, params_of in SCRIPT:
        params = params_of(arns)
        answer = world.call(operation, params)
        arns |= {key: value for key, value in answer.items() if key.endswith("Arn")}
        done.append((operation, params, answer))
    return done


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
    response = send(world, "POST", f"/model/{NOVA_LITE}/{path}", {"messages": []})
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
