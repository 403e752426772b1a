"""HTTP in, HTTP out: the world behind the wire format of the three services, no socket needed."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.model import StructureShape

from bedrock_world import eventstream
from bedrock_world.errors import BedrockError, ConnectionDroppedError, DriftError
from bedrock_world.faults import Fault, When
from bedrock_world.shapes import wire_name
from bedrock_world.wire import Operation, Request, encode, error_status, parse, route
from bedrock_world.world import World

_JSON = "application/json"
_JSON_11 = "application/x-amz-json-1.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An HTTP response.

    Attributes:
        delay_seconds: real seconds to hold it back.
        dropped: nothing is sent and the connection breaks.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay_seconds: float = 0.0
    dropped: bool = False


class Gateway:
    """Answers requests for one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._served = 0

    def handle(self, request: Request) -> Response:
        """The answer to a request. A defect of the world is a 500 that says `DriftError`."""
        request_id = self._request_id()
        try:
            operation, labels = route(request)
        except BedrockError as error:
            return _failure(None, 404, error, _Frame(request_id, None))
        frame = _Frame(request_id, self.world.faults.take(operation.name))
        try:
            params = parse(operation, labels, request)
            answer = self.world.call(operation.name, params, frame.fault)
            return _success(operation, answer, frame)
        except BedrockError as error:
            return _refusal(operation, error, frame)
        except ConnectionDroppedError:
            return Response(status=0, dropped=True, delay_seconds=frame.delay_seconds)
        except DriftError as error:
            return _drift(operation, error, frame)

    def _request_id(self) -> str:
        self._served += 1
        text = f"{self.world.config.current.seed}/request/{self._served}"
        digest = hashlib.sha256(text.encode()).hexdigest()
        return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))


@dataclass(frozen=True, slots=True)
class _Frame:
    """What goes around an answer."""

    request_id: str
    fault: Fault | None

    @property
    def delay_seconds(self) -> float:
        """Real seconds to hold the answer back."""
        return self.fault.delay_seconds if self.fault else 0.0


def _refusal(operation: Operation, error: BedrockError, frame: _Frame) -> Response:
    try:
        status = error_status(operation, error)
    except DriftError as drift:
        return _drift(operation, drift, frame)
    return _failure(operation, status, error, frame)


def _success(operation: Operation, answer: Mapping[str, Any], frame: _Frame) -> Response:
    shape = operation.model.output_shape
    if shape is None:
        raise DriftError(f"{operation.name} has no output shape")
    headers = {"x-amzn-RequestId": frame.request_id, "Content-Type": _JSON}
    if operation.service == "service-quotas":
        headers["Content-Type"] = _JSON_11
    body = _body(operation, shape, answer, frame)
    headers |= _headers(operation, shape, answer)
    if operation.model.has_event_stream_output:
        headers["Content-Type"] = eventstream.CONTENT_TYPE
    return Response(
        status=operation.model.http.get("responseCode", 200),
        headers=headers,
        body=body,
        delay_seconds=frame.delay_seconds,
    )


def _body(
    operation: Operation, shape: StructureShape, answer: Mapping[str, Any], frame: _Frame
) -> bytes:
    stream = operation.model.get_event_stream_output()
    if isinstance(stream, StructureShape):
        missing = set(shape.required_members) - answer.keys()
        if missing:
            raise DriftError(f"{operation.name} lacks {', '.join(sorted(missing))}")
        return _stream(operation, stream, answer[_stream_member(shape)], frame.fault)
    # Checks the whole answer, those members included that travel as headers or raw bytes.
    encoded = encode(shape, answer, operation.name)
    payload = shape.serialization.get("payload")
    if payload:
        content: bytes = answer[payload]
        return content
    located = {
        wire_name(member, name)
        for name, member in shape.members.items()
        if "location" in member.serialization
    }
    return json.dumps({k: v for k, v in encoded.items() if k not in located}).encode()


def _stream_member(shape: StructureShape) -> str:
    return next(
        name for name, member in shape.members.items() if member.serialization.get("eventstream")
    )


def _headers(
    operation: Operation, shape: StructureShape, answer: Mapping[str, Any]
) -> dict[str, str]:
    return {
        wire_name(member, name): str(encode(member, answer[name], f"{operation.name} {name}"))
        for name, member in shape.members.items()
        if member.serialization.get("location") == "header" and name in answer
    }


def _stream(
    operation: Operation,
    shape: StructureShape,
    events: Sequence[Mapping[str, Mapping[str, Any]]],
    fault: Fault | None,
) -> bytes:
    """The framed events; a mid-stream fault ends them after the first with its exception."""
    messages = [_event(operation, shape, event) for event in events]
    if fault and fault.when is When.MID_STREAM:
        name = fault.code[0].lower() + fault.code[1:]
        if name not in shape.members:
            raise DriftError(f"{operation.name} has no exception {name} in its stream")
        messages = [messages[0], eventstream.exception(name, fault.message)]
    return eventstream.stream(messages)


def _event(
    operation: Operation, shape: StructureShape, event: Mapping[str, Mapping[str, Any]]
) -> bytes:
    ((name, content),) = event.items()
    if name not in shape.members:
        raise DriftError(f"{operation.name} has no event {name}")
    return eventstream.event(name, encode(shape.members[name], content, operation.name))


def _failure(
    operation: Operation | None, status: int, error: BedrockError, frame: _Frame
) -> Response:
    headers = {
        "x-amzn-RequestId": frame.request_id,
        "x-amzn-ErrorType": error.code,
        "Content-Type": _JSON,
    }
    content = {"message": error.message}
    if operation and operation.service == "service-quotas":
        headers["Content-Type"] = _JSON_11
        content = {"__type": error.code, "Message": error.message}
    return Response(
        status=status,
        headers=headers,
        body=json.dumps(content).encode(),
        delay_seconds=frame.delay_seconds,
    )


def _drift(operation: Operation, error: DriftError, frame: _Frame) -> Response:
    refusal = BedrockError("DriftError", f"defect of the Bedrock world: {error}")
    return _failure(operation, 500, refusal, frame)
