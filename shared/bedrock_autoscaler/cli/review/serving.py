"""A review served live to a browser on this machine: loopback alone, and nothing but reading."""

import json
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, override
from urllib.parse import urlsplit

from bedrock_autoscaler.application.errors import AutoscalerError
from bedrock_autoscaler.report.review import Head, live_page, packed_parts, review_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from bedrock_autoscaler.report.payload import Payload

LOOPBACK = "127.0.0.1"
_DATA = "/data/"
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class ReviewServer(ThreadingHTTPServer):
    """Answers on a loopback address; `look` reads the ledger when a page asks for what is new."""

    daemon_threads = True

    def __init__(
        self,
        port: int,
        *,
        head: Head,
        look: "Callable[[], tuple[str, tuple[Payload, ...]]]",
    ) -> None:
        """Bind the port, 0 for a free one; the first look is made by the first page."""
        super().__init__((LOOPBACK, port), _Handler)
        self.head = head
        self._look = look
        self.parts: dict[str, str] = {}

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        return f"http://{LOOPBACK}:{self.server_port}/"

    @property
    def names(self) -> frozenset[str]:
        """What a browser may call this server; a name of elsewhere that leads here is none."""
        port = self.server_port
        return frozenset({f"{LOOPBACK}:{port}", f"localhost:{port}"})

    def review(self) -> bytes:
        """The head of the newest version, whose parts can be asked for from now on.

        Raises:
            AutoscalerError: the ledger could not be read.
        """
        version, payloads = self._look()
        self.parts = {
            name: text
            for number, payload in enumerate(payloads)
            for name, text in packed_parts(number, payload).items()
        }
        told = review_of(self.head, payloads) | {"version": version}
        return json.dumps(told).encode()


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer
    server_version = "bedrock-autoscaler"
    sys_version = ""
    # A client that says nothing does not keep a thread.
    timeout = 30

    def do_GET(self) -> None:
        """The page, the head of the review, or one of its parts."""
        refusal = self._refusal()
        if refusal is not None:
            self._answer(HTTPStatus.FORBIDDEN, "text/plain", refusal.encode())
            return
        path = urlsplit(self.path).path
        if path == "/":
            self._answer(HTTPStatus.OK, "text/html", live_page(self.server.head).encode())
        elif path == f"{_DATA}review":
            self._review()
        elif (part := self.server.parts.get(path.removeprefix(_DATA))) is not None:
            self._answer(HTTPStatus.OK, "text/plain", part.encode())
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"there is no such part")

    def _refusal(self) -> str | None:
        """Why this request is not answered: it does not come from a page of ours.

        A site that lets its own name lead to the loopback address sends that name as Host; one
        that embeds or fetches from here is cross-site.
        """
        hosts = self.headers.get_all("Host", [])
        if len(hosts) != 1 or hosts[0].lower() not in self.server.names:
            return "this review answers to its own address alone"
        if self.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
            return "this review is read by its own page alone"
        return None

    def _review(self) -> None:
        try:
            told = self.server.review()
        except AutoscalerError as error:
            self._answer(HTTPStatus.BAD_GATEWAY, "text/plain", str(error).encode())
            return
        self._answer(HTTPStatus.OK, "application/json", told)

    def _answer(self, status: HTTPStatus, media_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{media_type}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the terminal belongs to the person."""
