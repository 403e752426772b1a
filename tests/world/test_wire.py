"""What the wire refuses: raw requests that no SDK has checked before."""

import json
from datetime import UTC, datetime

import pytest

from bedrock_world.gateway import Gateway
from bedrock_world.shapes import ShapeWalk
from bedrock_world.wire import Request, service_model
from tests.world.support import HELLO, NOVA_2, NOVA_LITE, error_of, send, world_with

PT = {"modelUnits": 1, "provisionedModelName": "fleet-1", "modelId": NOVA_2}


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
    status, code, message = error_of(send(world_with(), method, path, body, query=query))

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
    response = send(world_with(), "POST", "/provisioned-model-throughput", body)
    status, code, message = error_of(response)

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
    status, code, message = error_of(send(world_with(), method, path, body, query=query))

    assert (status, code) == (400, "ValidationException")
    assert words in message


@pytest.mark.parametrize(
    ("operation", "body", "words"),
    [
        ("GetServiceQuota", {"ServiceCode": "bedrock"}, "'QuotaCode' failed"),
        ("GetServiceQuota", {"ServiceCode": "bedrock", "QuotaCode": "no code"}, "regular"),
        ("ListServiceQuotas", {"ServiceCode": "bedrock", "MaxResults": 101}, "less than or equal"),
    ],
)
def test_service_quotas_has_its_own_code_for_a_breach(
    operation: str, body: object, words: str
) -> None:
    response = Gateway(world_with()).handle(
        Request(
            method="POST",
            raw_path="/",
            headers={"x-amz-target": f"ServiceQuotasV20190624.{operation}"},
            body=json.dumps(body).encode(),
        )
    )

    assert (response.status, response.headers["x-amzn-ErrorType"]) == (
        400,
        "IllegalArgumentException",
    )
    assert words in json.loads(response.body)["Message"]


def test_a_native_body_has_at_most_25_million_bytes() -> None:
    body = json.dumps({"messages": ["x" * 25_000_000]}).encode()
    request = Request(method="POST", raw_path=f"/model/{NOVA_LITE}/invoke", headers={}, body=body)
    status, code, message = error_of(Gateway(world_with()).handle(request))

    assert (status, code) == (400, "ValidationException")
    assert "'body' failed to satisfy constraint: Member must have length" in message


def test_bytes_in_a_body_are_base64() -> None:
    def image(data: str) -> object:
        source = {"bytes": data}
        content = [{"image": {"format": "png", "source": source}}, {"text": "What is it?"}]
        return {"messages": [{"role": "user", "content": content}]}

    path = f"/model/{NOVA_LITE}/converse"
    good = send(world_with(), "POST", path, image("aGVsbG8="))
    bad = send(world_with(), "POST", path, image("?"))

    assert good.status == 200
    assert "base64" in error_of(bad)[2]


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
    status, code, message = error_of(send(world_with(), method, path))

    assert (status, code) == (404, "UnknownOperationException")
    assert f"the Bedrock world models no {method} {path}" in message


def test_a_body_that_is_no_json_is_a_serialization_error_of_the_caller() -> None:
    request = Request(
        method="POST", raw_path="/provisioned-model-throughput", headers={}, body=b"{"
    )
    status, code, _ = error_of(Gateway(world_with()).handle(request))

    assert (status, code) == (400, "SerializationException")


def test_free_form_documents_and_numeric_instants_are_taken() -> None:
    body = {"messages": HELLO, "additionalModelRequestFields": {"top_k": [1, {"any": None}]}}
    free = send(world_with(), "POST", f"/model/{NOVA_LITE}/converse", body)
    named = {**body, "requestMetadata": {"team": "chat"}}
    mapped = send(world_with(), "POST", f"/model/{NOVA_LITE}/converse", named)
    walk = ShapeWalk("decode")
    instant = walk.convert(service_model("bedrock").shape_for("Timestamp"), 0, "at")

    assert (free.status, mapped.status) == (200, 200)
    assert instant == datetime(1970, 1, 1, tzinfo=UTC)
