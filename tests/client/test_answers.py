"""What an error says is to be done with the call that met it."""

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    NoCredentialsError,
)

from bedrock_autoscaler.client.answers import Verdict, code_of, judge
from bedrock_autoscaler.domain.routing.route import Route
from tests.client.refusals import INVALID, THROTTLED, UNANSWERED, UNREACHABLE, refusal
from tests.client.stage import route
from tests.client.walks import FIRST, PT


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (THROTTLED, Verdict.PRESSED),
        (refusal("ServiceUnavailableException", status=503), Verdict.PRESSED),
        (refusal("ModelNotReadyException", status=429), Verdict.PRESSED),
        (refusal("InternalServerException", status=500), Verdict.PRESSED),
        (refusal("SomethingNew", status=502), Verdict.PRESSED),
        (refusal("SomethingNew", status=429), Verdict.PRESSED),
        (refusal("throttlingException"), Verdict.PRESSED),  # as an event of a stream names it
        (ConnectionClosedError(endpoint_url="x"), Verdict.PRESSED),
        (UNREACHABLE, Verdict.UNREACHABLE),
        (UNANSWERED, Verdict.TIMED_OUT),
        (refusal("AccessDeniedException", status=403), Verdict.DENIED),
        (refusal("ServiceQuotaExceededException"), Verdict.DENIED),
        (refusal("ResourceNotFoundException", status=404), Verdict.GONE),
        (refusal("ValidationException", "The provided model identifier is invalid."), Verdict.GONE),
        (INVALID, Verdict.FINAL),
        (refusal("ModelTimeoutException", status=408), Verdict.FINAL),
        (refusal("ModelErrorException", status=424), Verdict.FINAL),
        (refusal("ExpiredTokenException", status=403), Verdict.FINAL),
        (NoCredentialsError(), Verdict.FINAL),
    ],
)
def test_an_error_says_what_is_to_be_done(
    error: ClientError | BotoCoreError, verdict: Verdict
) -> None:
    assert judge(error, route(FIRST)) is verdict


@pytest.mark.parametrize(
    "asked", [route(PT), route(FIRST, tier="flex"), route(FIRST, latency="optimized")]
)
def test_a_route_that_asks_for_more_may_itself_be_what_is_invalid(asked: Route) -> None:
    assert judge(INVALID, asked) is Verdict.SUSPECT


@pytest.mark.parametrize("code", ["UnrecognizedClientException", "InvalidClientTokenId"])
def test_credentials_that_another_region_does_not_know_are_no_fault_of_the_call(code: str) -> None:
    unknown = refusal(code, status=403)

    assert judge(unknown, route(FIRST, region="us-west-2"), "us-east-1") is Verdict.DENIED
    assert judge(unknown, route(FIRST, region="us-east-1"), "us-east-1") is Verdict.FINAL
    assert judge(unknown, route(FIRST), "us-east-1") is Verdict.FINAL


def test_an_error_is_named_without_its_message() -> None:
    assert code_of(refusal("ValidationException", "the prompt")) == "ValidationException"
    assert code_of(UNREACHABLE) == "EndpointConnectionError"
