"""A boto3 client led into a world of this process: real serializer and retries, no socket."""

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.client import BaseClient
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError

from bedrock_world.gateway import Gateway
from bedrock_world.wire import Request
from bedrock_world.world import World


class _Raw(BytesIO):
    """A body as botocore reads it."""

    def stream(self, amount: int = 1024, *, decode_content: bool = False) -> Iterator[bytes]:
        """The body in parts."""
        del decode_content
        while part := self.read(amount):
            yield part


def attach(client: BaseClient, world: World) -> None:
    """Let every call of `client` be answered by `world`. Delays of faults are left out."""
    # The published stub forgets that a before-send handler may return the response.
    client.meta.events.register_first("before-send", answering(world))  # type: ignore[arg-type]


def answering(world: World) -> Callable[..., AWSResponse]:
    """A handler of botocore's `before-send` event, for those who make no client themselves."""
    gateway = Gateway(world)

    def answer(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        parts = urlsplit(request.url)
        body = request.body or b""
        response = gateway.handle(
            Request(
                method=request.method,
                raw_path=parts.path,
                query=parts.query,
                headers={key.lower(): _text(value) for key, value in request.headers.items()},
                body=_bytes(body),
            )
        )
        if response.dropped:
            raise ConnectionClosedError(endpoint_url=request.url)
        headers = HTTPHeaders()
        for key, value in response.headers.items():
            headers[key.lower()] = value
        return AWSResponse(request.url, response.status, headers, _Raw(response.body))

    return answer


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _bytes(body: Any) -> bytes:  # noqa: ANN401 - bytes, or a file as InvokeModel takes it
    return bytes(body.read() if hasattr(body, "read") else body)
