"""Every error that AWS models for the calls, and some that it answers without modelling them."""

import botocore.session
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from bedrock_autoscaler.adapters.bedrock.errors import (
    REFUSALS,
    deletion_error,
    purchase_error,
)
from bedrock_autoscaler.application.errors import (
    CapacityUnavailableError,
    ThroughputNotFoundError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.sdk_errors import SdkError, code_of, described, unread
from tests.bedrock_stage import CREATE, DELETE
from tests.builders import pt_arn

PURCHASES = {
    "AccessDeniedException": CapacityUnavailableError,
    "ConflictException": CapacityUnavailableError,
    "ResourceNotFoundException": CapacityUnavailableError,
    "ServiceQuotaExceededException": CapacityUnavailableError,
    "TooManyTagsException": CapacityUnavailableError,
    "ValidationException": CapacityUnavailableError,
    "ExpiredTokenException": CapacityUnavailableError,
    "UnrecognizedClientException": CapacityUnavailableError,
    "InternalServerException": UnknownOutcomeError,
    "ServiceUnavailableException": UnknownOutcomeError,
    "ThrottlingException": UnknownOutcomeError,
    "SomethingNewException": UnknownOutcomeError,
}
DELETIONS = {
    "AccessDeniedException": UnknownOutcomeError,
    "ConflictException": UnknownOutcomeError,
    "InternalServerException": UnknownOutcomeError,
    "ResourceNotFoundException": ThroughputNotFoundError,
    "ServiceUnavailableException": UnknownOutcomeError,
    "SomethingNewException": UnknownOutcomeError,
    "ThrottlingException": UnknownOutcomeError,
    "ValidationException": UnknownOutcomeError,
}
SILENCE: list[SdkError] = [
    ConnectTimeoutError(endpoint_url="http://127.0.0.1"),
    EndpointConnectionError(endpoint_url="http://127.0.0.1"),
    ReadTimeoutError(endpoint_url="http://127.0.0.1"),
]


def answered(code: str, *, status: int = 400, retries: int = 0) -> ClientError:
    return ClientError(
        {
            "Error": {"Code": code, "Message": "MARKER"},
            "ResponseMetadata": {
                "RequestId": "r-1",
                "HostId": "",
                "HTTPStatusCode": status,
                "HTTPHeaders": {},
                "RetryAttempts": retries,
            },
        },
        CREATE,
    )


def modelled(operation: str) -> set[str]:
    """The codes that botocore models for an operation."""
    model = botocore.session.get_session().get_service_model("bedrock")
    return {shape.name for shape in model.operation_model(operation).error_shapes}


def test_every_modelled_error_is_in_the_tables() -> None:
    assert modelled(CREATE) - PURCHASES.keys() == set()
    assert modelled(DELETE) - DELETIONS.keys() == set()


@pytest.mark.parametrize(("code", "meaning"), PURCHASES.items())
def test_a_refused_purchase_bought_nothing_and_all_else_is_open(
    code: str, meaning: type[Exception]
) -> None:
    error = purchase_error("chat-1", answered(code))

    assert type(error) is meaning
    assert str(error).startswith("purchase chat-1 ")
    if isinstance(error, CapacityUnavailableError):
        assert error.code == code


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_a_refusal_after_a_retry_is_open(code: str) -> None:
    assert type(purchase_error("chat-1", answered(code, retries=1))) is UnknownOutcomeError


@pytest.mark.parametrize("status", [200, 400, 403, 404, 429, 500, 503])
def test_the_code_counts_and_never_the_status(status: int) -> None:
    quota = purchase_error("chat-1", answered("ServiceQuotaExceededException", status=status))
    throttled = purchase_error("chat-1", answered("ThrottlingException", status=status))

    assert type(quota) is CapacityUnavailableError
    assert type(throttled) is UnknownOutcomeError


@pytest.mark.parametrize(("code", "meaning"), DELETIONS.items())
def test_a_deletion_is_done_only_when_nothing_is_there(code: str, meaning: type[Exception]) -> None:
    assert type(deletion_error(pt_arn(1), answered(code))) is meaning


@pytest.mark.parametrize("silence", SILENCE, ids=code_of)
def test_silence_leaves_everything_open(silence: SdkError) -> None:
    assert type(purchase_error("chat-1", silence)) is UnknownOutcomeError
    assert type(deletion_error(pt_arn(1), silence)) is UnknownOutcomeError


def test_a_request_without_credentials_was_never_sent() -> None:
    error = purchase_error("chat-1", NoCredentialsError())

    assert isinstance(error, CapacityUnavailableError)
    assert error.code == "NoCredentialsError"


def test_no_text_of_aws_is_repeated() -> None:
    error = answered("AccessDeniedException")

    said = [described(error), str(unread("the list", error)), str(purchase_error("chat-1", error))]

    assert said[0] == "AccessDeniedException, request r-1"
    assert not any("MARKER" in text for text in said)
