import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import override

import pytest

from bedrock_autoscaler.adapters.clock import LoopbackClock, SystemClock, clock_at
from bedrock_autoscaler.application.errors import ObservationError


@contextmanager
def answering(*answers: tuple[int, bytes]) -> Iterator[str]:
    """A server on loopback that gives these answers in turn; its URL."""
    queue = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = queue.pop(0)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/now"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_without_an_endpoint_the_time_is_the_system_s() -> None:
    clock = clock_at(None)

    assert isinstance(clock, SystemClock)
    assert clock.now().tzinfo is UTC
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(minutes=1)


def test_virtual_time_is_asked_afresh_each_time() -> None:
    answers = (
        (200, b'{"now": "2026-11-01T00:00:00Z"}'),
        (200, b'{"now": "2026-11-01T01:01:00+01:00"}'),
    )
    with answering(*answers) as endpoint:
        clock = clock_at(endpoint)

        moments = [clock.now(), clock.now()]

    assert moments == [
        datetime(2026, 11, 1, 0, 0, tzinfo=UTC),
        datetime(2026, 11, 1, 0, 1, tzinfo=UTC),
    ]
    assert moments[1].tzinfo is UTC


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(500, b'{"now": "2026-11-01T00:00:00Z"}', id="an error"),
        pytest.param(302, b"", id="a redirect"),
        pytest.param(200, b"noon", id="no JSON"),
        pytest.param(200, b'["2026-11-01T00:00:00Z"]', id="no object"),
        pytest.param(200, b'{"time": "2026-11-01T00:00:00Z"}', id="no now"),
        pytest.param(200, b'{"now": 1793491200}', id="a number"),
        pytest.param(200, b'{"now": "2026-11-01T00:00:00"}', id="no time zone"),
        pytest.param(200, b'{"now": "yesterday"}', id="no moment"),
        pytest.param(200, b"\xff\xfe", id="noise"),
    ],
)
def test_an_answer_without_an_aware_moment_is_an_error(status: int, body: bytes) -> None:
    with (
        answering((status, body)) as endpoint,
        pytest.raises(ObservationError, match="told no time"),
    ):
        LoopbackClock(endpoint).now()


def test_a_clock_that_is_not_there_is_an_error_and_not_the_system_s_time() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    with pytest.raises(ObservationError, match=f"127.0.0.1:{port} told no time"):
        LoopbackClock(f"http://127.0.0.1:{port}").now()


def test_a_clock_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bedrock_autoscaler.adapters.clock._TIMEOUT_SECONDS", 0.05)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()

        with pytest.raises(ObservationError, match="TimeoutError"):
            LoopbackClock(f"http://127.0.0.1:{silent.getsockname()[1]}").now()
