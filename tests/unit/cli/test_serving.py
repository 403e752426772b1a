"""A live review answers its own page on loopback, and nobody else."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from threading import Thread

import pytest

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.cli.review.serving import ReviewServer
from bedrock_autoscaler.report.building import payload_from
from bedrock_autoscaler.report.payload import Payload
from tests.month import HEAD
from tests.unit.report.records import build_record

PAYLOAD = payload_from(build_record())


class Looks:
    """What a look at the ledger gives."""

    def __init__(self) -> None:
        self.problem: ObservationError | None = None

    def __call__(self) -> tuple[str, tuple[Payload, ...]]:
        if self.problem is not None:
            raise self.problem
        return "7", (PAYLOAD,)


@contextmanager
def serving(looks: Looks) -> Iterator[ReviewServer]:
    with ReviewServer(0, head=HEAD, look=looks) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def ask(server: ReviewServer, path: str, *, method: str = "GET", **headers: str) -> HTTPResponse:
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, headers=named)
    return connection.getresponse()


def test_serves_the_page_its_head_and_its_parts() -> None:
    with serving(Looks()) as server:
        page = ask(server, "/").read()
        head = ask(server, "/data/review").read()
        series = ask(server, "/data/series-0?version=7").read()

    assert b"connect-src 'self'" in page
    assert b'"version": "7"' in head
    assert series.decode() == PAYLOAD.series


def test_listens_on_loopback_alone() -> None:
    with serving(Looks()) as server:
        assert server.server_address[0] == "127.0.0.1"
        assert server.address == f"http://127.0.0.1:{server.server_port}/"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", ""]
)
def test_refuses_a_name_that_leads_here_from_elsewhere(host: str) -> None:
    with serving(Looks()) as server:
        answer = ask(server, "/data/review", Host=host.format(port=server.server_port))

        assert answer.status == 403
        assert b"its own address alone" in answer.read()


def test_answers_to_localhost_too() -> None:
    with serving(Looks()) as server:
        assert ask(server, "/", Host=f"localhost:{server.server_port}").status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_refuses_a_request_from_another_site_s_page(site: str) -> None:
    with serving(Looks()) as server:
        assert ask(server, "/data/review", Sec_Fetch_Site=site).status == 403


def test_lets_nobody_frame_or_keep_it() -> None:
    with serving(Looks()) as server:
        headers = ask(server, "/").headers

    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_only_reads(method: str) -> None:
    with serving(Looks()) as server:
        assert ask(server, "/data/review", method=method).status == 501


@pytest.mark.parametrize("path", ["/data/none", "/../etc/passwd", "/data/", "/other"])
def test_knows_no_other_path(path: str) -> None:
    with serving(Looks()) as server:
        ask(server, "/data/review").read()

        assert ask(server, path).status == 404


def test_an_unreadable_ledger_is_told_and_looked_at_again() -> None:
    looks = Looks()
    with serving(looks) as server:
        looks.problem = ObservationError("the ledger does not answer")
        refused = ask(server, "/data/review")
        told = refused.read()
        looks.problem = None
        again = ask(server, "/data/review")

        assert (refused.status, told) == (502, b"the ledger does not answer")
        assert again.status == 200
