"""A relay on loopback between the deployed functions and a service, where a test may step in."""

import threading
from collections.abc import Callable
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self, override
from urllib.parse import urlsplit

THROTTLED = b'{"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException"}'

type Interceptor = Callable[[str], bytes | None]
"""Gets the operation, or the body where no header names one; None lets the request pass, else this
is the body of an answer 400."""


def pass_on(operation: str) -> bytes | None:
    """Every request goes to the service."""
    return None


class Relay:
    """Passes requests on to `upstream`, as a context manager.

    Attributes:
        upstream: URL of the emulator; set it before the first request.
        interceptor: looks at each request first.
    """

    def __init__(self) -> None:
        """Bind a free port; nothing is answered yet."""
        self.upstream = ""
        self.interceptor: Interceptor = pass_on
        relay = self

        class Handler(_Handler):
            owner = relay

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where the functions find it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """One request: looked at, then passed on as it came."""

    protocol_version = "HTTP/1.1"
    owner: Relay

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        planned = self.owner.interceptor(operation or body.decode())
        status, answer = (400, planned) if planned is not None else self._forward(body)
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _forward(self, body: bytes) -> tuple[int, bytes]:
        connection = HTTPConnection(urlsplit(self.owner.upstream).netloc, timeout=30)
        try:
            connection.request("POST", self.path, body, dict(self.headers.items()))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    @override
    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            return  # a function that was killed reads no answer

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""
