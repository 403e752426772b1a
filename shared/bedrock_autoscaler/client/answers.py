"""What an error from Bedrock means for the rest of a call: elsewhere, later, or not at all."""

from enum import StrEnum

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    HTTPClientError,
    ReadTimeoutError,
)
from botocore.exceptions import ConnectionError as NoConnectionError

from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.target import OptionKind

type CallError = ClientError | BotoCoreError


class Verdict(StrEnum):
    """What is to be done about a failed attempt.

    `pressed`: no capacity here now; other routes, and here again after a rest.
    `unreachable`: the Region's endpoint gave no answer; likewise, for all its routes.
    `timed_out`: no answer while the caller waited. The model may have worked on the request, so
        another attempt may be paid again: one other route at most, and nothing against this one.
    `denied`: the caller may not use this route; other routes.
    `gone`: the address leads nowhere; other routes.
    `suspect`: the route refuses the request as invalid. It may be gone, or the request may be
        wrong; a route that cannot be gone tells.
    `final`: the call is at fault, or the credentials are; no route would help.
    """

    PRESSED = "pressed"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    DENIED = "denied"
    GONE = "gone"
    SUSPECT = "suspect"
    FINAL = "final"


PASSING = frozenset({Verdict.PRESSED, Verdict.UNREACHABLE})
"""Verdicts after which the same route may serve a moment later."""

LASTING = frozenset({Verdict.GONE, Verdict.DENIED})
"""Verdicts on a route for all its calls, after which it rests for minutes."""

_BY_CODE = {
    "ThrottlingException": Verdict.PRESSED,
    "TooManyRequestsException": Verdict.PRESSED,
    "ServiceUnavailableException": Verdict.PRESSED,
    "ModelNotReadyException": Verdict.PRESSED,
    "InternalServerException": Verdict.PRESSED,
    "ServiceQuotaExceededException": Verdict.DENIED,
    "AccessDeniedException": Verdict.DENIED,
    "ResourceNotFoundException": Verdict.GONE,
    # The model has worked on these: another attempt would be paid again and may take as long.
    "ModelTimeoutException": Verdict.FINAL,
    "ModelErrorException": Verdict.FINAL,
    "ModelStreamErrorException": Verdict.FINAL,
}
# Words by which Bedrock says that an address, and not the request, is invalid.
_INVALID_ADDRESS = (
    "on-demand throughput",
    "model identifier is invalid",
    "latency performance configuration is not supported",
)
# Session tokens of STS's global endpoint are unknown in Regions that an account has to enable.
_UNKNOWN_CREDENTIALS = frozenset({"UnrecognizedClientException", "InvalidClientTokenId"})
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500
_VANISHING = frozenset(
    {
        OptionKind.PROVISIONED,
        OptionKind.CUSTOM_DEPLOYMENT,
        OptionKind.IMPORTED_MODEL,
        OptionKind.MARKETPLACE_ENDPOINT,
    }
)
"""Kinds of which an address can be deleted; Bedrock may then call the request invalid."""


def code_of(error: CallError) -> str:
    """The error code; for an error without one, the name of its class. Never its message."""
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "Unknown")
        # Events of a stream name their exceptions in lower camel case.
        return code[:1].upper() + code[1:]
    return type(error).__name__


def judge(error: CallError, route: Route, home: str = "") -> Verdict:
    """What a failed attempt at a route means; `home` is the Region of routes that name none."""
    if isinstance(error, ReadTimeoutError):
        return Verdict.TIMED_OUT
    if isinstance(error, ConnectionClosedError):
        # The endpoint is there: one connection says nothing about the Region's other routes.
        return Verdict.PRESSED
    if isinstance(error, NoConnectionError | HTTPClientError):
        return Verdict.UNREACHABLE
    if not isinstance(error, ClientError):
        return Verdict.FINAL
    code = code_of(error)
    if code == "ValidationException":
        return _judge_invalid(error, route)
    if code in _UNKNOWN_CREDENTIALS and route.region not in {"", home}:
        return Verdict.DENIED
    known = _BY_CODE.get(code)
    if known is not None:
        return known
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    is_pressed = status == _TOO_MANY_REQUESTS or status >= _SERVER_ERROR
    return Verdict.PRESSED if is_pressed else Verdict.FINAL


def _judge_invalid(error: ClientError, route: Route) -> Verdict:
    message = error.response.get("Error", {}).get("Message", "").lower()
    if any(words in message for words in _INVALID_ADDRESS):
        return Verdict.GONE
    asks_for_more = route.kind in _VANISHING or route.tier or route.latency
    return Verdict.SUSPECT if asks_for_more else Verdict.FINAL
