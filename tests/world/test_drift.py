"""The drift check: what the world takes and gives, against botocore's own service models."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, get_args, get_type_hints

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from bedrock_world.errors import UNMODELLED_ERRORS, BedrockError, DriftError
from bedrock_world.gateway import Gateway, Response
from bedrock_world.settings import Episode, WorldSettings
from bedrock_world.shapes import KNOWN_DEVIATIONS, ShapeWalk
from bedrock_world.wire import OPERATIONS, Request, encode, error_status, operations, service_model
from bedrock_world.world import World
from tests.world.support import HELLO, NOVA_2, NOVA_LITE, NOVA_LITE_PROFILE, world_with

PT = {"modelUnits": 1, "provisionedModelName": "fleet-1", "modelId": NOVA_2}
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
    ("ListServiceQuotas", lambda _: {"ServiceCode": "bedrock", "MaxResults": 1}),
]


def _run_script() -> list[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    world, arns = world_with(lead_time=timedelta(0)), dict[str, str]()
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
    """A second opinion beside the world's own walk over the shapes."""
    validator = ParamValidator()
    for operation, params, answer in _run_script():
        model = operations()[operation].model
        assert model.input_shape is not None
        reports = [validator.validate(dict(params), model.input_shape).generate_report()]
        stream = model.get_event_stream_output()
        if stream is not None:
            events = answer.get("stream") or answer["body"]
            reports += [validator.validate(event, stream).generate_report() for event in events]
        elif model.output_shape is not None:
            reports.append(validator.validate(answer, model.output_shape).generate_report())
        assert reports == [""] * len(reports), operation


def test_no_answer_leaves_out_a_field_that_its_shape_requires_anywhere() -> None:
    for operation, _, answer in _run_script():
        model = operations()[operation].model
        if model.output_shape is not None and model.get_event_stream_output() is None:
            encode(model.output_shape, answer, operation)


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


def _handle(
    world: World, method: str, path: str, body: object = None, *, query: str = ""
) -> Response:
    content = json.dumps(body).encode() if body is not None else b""
    request = Request(method=method, raw_path=path, query=query, headers={}, body=content)
    return Gateway(world).handle(request)


def _error(response: Response) -> tuple[int, str, str]:
    message: str = json.loads(response.body)["message"]
    return response.status, response.headers["x-amzn-ErrorType"], message


@pytest.mark.parametrize(
    ("method", "path", "body", "query", "words"),
    [
        ("POST", "/provisioned-model-throughput", {**PT, "autoRenew": True}, "", "'autoRenew'"),
        (
            "POST",
            "/provisioned-model-throughput",
            {**PT, "tags": [{"key": "a", "value": "b", "scope": "c"}]},
            "",
            "'tags.1.member.scope'",
        ),
        ("GET", "/provisioned-model-throughputs", None, "pageSize=3", "'pageSize'"),
        (
            "PATCH",
            "/provisioned-model-throughput/fleet-1",
            {"desiredModelUnits": 3},
            "",
            "'desiredModelUnits'",
        ),
        (
            "POST",
            f"/model/{NOVA_LITE}/converse",
            {"messages": HELLO, "maxTokens": 3},
            "",
            "'maxTokens'",
        ),
    ],
)
def test_an_unknown_field_of_a_request_is_refused(
    *, method: str, path: str, body: object, query: str, words: str
) -> None:
    status, code, message = _error(_handle(world_with(), method, path, body, query=query))

    assert (status, code) == (400, "ValidationException")
    assert "Unknown" in message
    assert words in message


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "3 validation errors detected"),
        ({**PT, "modelUnits": 0}, "value greater than or equal to 1"),
        ({**PT, "modelUnits": "2"}, "Member must be a whole number"),
        ({**PT, "modelUnits": 1.5}, "Member must be a whole number"),
        ({**PT, "modelUnits": True}, "Member must be a whole number"),
        ({**PT, "modelUnits": None}, "'modelUnits' failed to satisfy constraint"),
        ({**PT, "provisionedModelName": ""}, "length greater than or equal to 1"),
        ({**PT, "provisionedModelName": 7}, "Member must be a string"),
        ({**PT, "tags": {}}, "Member must be a list"),
        ({**PT, "tags": ["a"]}, "'tags.1.member' failed"),
        ({**PT, "tags": [{"key": "a"}]}, "'tags.1.member.value' failed"),
        ([], "JSON object"),
    ],
)
def test_a_request_that_breaks_its_shape_is_refused_with_each_breach(
    body: object, words: str
) -> None:
    response = _handle(world_with(), "POST", "/provisioned-model-throughput", body)
    status, code, message = _error(response)

    assert (status, code) == (400, "ValidationException")
    assert words in message


@pytest.mark.parametrize(
    ("method", "path", "body", "query", "words"),
    [
        ("GET", "/provisioned-model-throughputs", None, "maxResults=0", "value greater than"),
        ("GET", "/provisioned-model-throughputs", None, "maxResults=1001", "less than or equal"),
        ("GET", "/provisioned-model-throughputs", None, "maxResults=many", "whole number"),
        ("GET", "/provisioned-model-throughputs", None, "creationTimeAfter=noon", "a timestamp"),
        ("GET", "/provisioned-model-throughputs", None, "statusEquals=Deleting", "enum value set"),
        (
            "POST",
            "/inference-profiles",
            {"inferenceProfileName": "a", "modelSource": {}},
            "",
            "one",
        ),
        (
            "POST",
            f"/model/{NOVA_LITE}/converse",
            {"messages": [{"role": "user", "content": [{"text": "a", "image": {}}]}]},
            "",
            "exactly one member set",
        ),
        (
            "POST",
            f"/model/{NOVA_LITE}/converse",
            {"messages": HELLO, "inferenceConfig": {"temperature": 1.5}},
            "",
            "value less than or equal to 1",
        ),
        (
            "POST",
            f"/model/{NOVA_LITE}/converse",
            {"messages": HELLO, "requestMetadata": []},
            "",
            "be an object",
        ),
    ],
)
def test_constraints_hold_wherever_a_member_travels(
    *, method: str, path: str, body: object, query: str, words: str
) -> None:
    status, code, message = _error(_handle(world_with(), method, path, body, query=query))

    assert (status, code) == (400, "ValidationException")
    assert words in message


def test_bytes_in_a_body_are_base64() -> None:
    def image(data: str) -> object:
        source = {"bytes": data}
        content = [{"image": {"format": "png", "source": source}}, {"text": "What is it?"}]
        return {"messages": [{"role": "user", "content": content}]}

    path = f"/model/{NOVA_LITE}/converse"
    good = _handle(world_with(), "POST", path, image("aGVsbG8="))
    bad = _handle(world_with(), "POST", path, image("?"))

    assert good.status == 200
    assert "base64" in _error(bad)[2]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/custom-models"),
        ("DELETE", "/provisioned-model-throughputs"),
        # An ARN must be percent-encoded, or its slash makes another path.
        ("GET", "/provisioned-model-throughput/arn:aws:bedrock:us-east-1:1:provisioned-model/a"),
    ],
)
def test_an_operation_that_is_not_modelled_is_refused_loudly(method: str, path: str) -> None:
    status, code, message = _error(_handle(world_with(), method, path))

    assert (status, code) == (404, "UnknownOperationException")
    assert f"the Bedrock world models no {method} {path}" in message


def test_a_body_that_is_no_json_is_a_serialization_error_of_the_caller() -> None:
    request = Request(
        method="POST", raw_path="/provisioned-model-throughput", headers={}, body=b"{"
    )
    status, code, _ = _error(Gateway(world_with()).handle(request))

    assert (status, code) == (400, "SerializationException")


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
    response = _handle(world, "POST", "/provisioned-model-throughput", PT)
    status, code, message = _error(response)

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
    response = _handle(world, "POST", f"/model/{NOVA_LITE}/converse-stream", {"messages": HELLO})
    status, code, message = _error(response)

    assert (status, code) == (500, "DriftError")
    assert words in message


def test_an_error_that_the_operation_does_not_model_turns_red() -> None:
    def fail(_: object) -> dict[str, Any]:
        raise BedrockError("ServiceQuotaExceededException", "not for Get")

    world = world_with()
    world._handlers["GetProvisionedModelThroughput"] = fail
    status, code, message = _error(_handle(world, "GET", "/provisioned-model-throughput/fleet-1"))

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
    response = _handle(world, "POST", f"/model/{NOVA_LITE}/{path}", {"messages": []})
    status, code, message = _error(response)

    assert (status, code) == (500, "DriftError")
    assert words in message


def test_an_instant_that_is_none_turns_red() -> None:
    (answer,) = (a for operation, _, a in _run_script() if operation == "GetInferenceProfile")
    shape = operations()["GetInferenceProfile"].model.output_shape

    assert shape is not None
    with pytest.raises(DriftError, match="a timestamp"):
        encode(shape, {**answer, "createdAt": "yesterday"}, "GetInferenceProfile")


def test_free_form_documents_and_numeric_instants_are_taken() -> None:
    body = {"messages": HELLO, "additionalModelRequestFields": {"top_k": [1, {"any": None}]}}
    free = _handle(world_with(), "POST", f"/model/{NOVA_LITE}/converse", body)
    named = {**body, "requestMetadata": {"team": "chat"}}
    mapped = _handle(world_with(), "POST", f"/model/{NOVA_LITE}/converse", named)
    walk = ShapeWalk("decode")
    instant = walk.convert(service_model("bedrock").shape_for("Timestamp"), 0, "at")

    assert (free.status, mapped.status) == (200, 200)
    assert instant == datetime(1970, 1, 1, tzinfo=UTC)


def test_a_new_required_member_in_botocore_turns_the_check_red() -> None:
    """What an upgrade of botocore would do: its model is changed under the world's feet."""
    answers = {operation: answer for operation, _, answer in _run_script()}
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
    answers = {operation: answer for operation, _, answer in _run_script()}
    name = "ListProvisionedModelThroughputs"
    description = Loader().load_service_model("bedrock", "service-2")
    summary = description["shapes"]["ProvisionedModelSummary"]
    del summary["members"]["desiredModelUnits"]
    summary["required"].remove("desiredModelUnits")
    shrunk = ServiceModel(description, "bedrock").operation_model(name).output_shape

    assert shrunk is not None
    with pytest.raises(DriftError, match="desiredModelUnits"):
        encode(shrunk, answers[name], name)
