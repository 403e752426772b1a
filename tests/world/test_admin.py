"""The endpoints under `/_world/`."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from bedrock_world.server import RunningWorld
from bedrock_world.world import World
from tests.world.support import HELLO, NOVA_LITE, Clients, buy, refused

START = datetime(2026, 1, 5, tzinfo=UTC)


def _ask(running: RunningWorld, method: str, path: str, body: Any = None, **query: str) -> Any:
    url = f"{running.url}/_world/{path}" + (f"?{urlencode(query)}" if query else "")
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data=data, method=method)  # noqa: S310 - loopback
    with urlopen(request, timeout=5) as response:  # noqa: S310 - loopback
        return json.load(response)


def _refusal(running: RunningWorld, method: str, path: str, body: Any = None) -> tuple[int, str]:
    with pytest.raises(HTTPError) as caught:
        _ask(running, method, path, body)
    with caught.value as response:
        return response.code, json.load(response)["error"]


def test_the_clock_is_read_and_moved(world: World, running: RunningWorld) -> None:
    assert _ask(running, "GET", "clock") == {"now": "2026-01-05T00:00:00Z"}
    assert _ask(running, "POST", "clock", {"advance_seconds": 90}) == {
        "now": "2026-01-05T00:01:30Z"
    }
    moved = _ask(running, "POST", "clock", {"now": "2026-01-05T02:00:00+01:00"})
    assert moved == {"now": "2026-01-05T01:00:00Z"}
    assert world.clock.now() == START + timedelta(hours=1)


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "words"),
    [
        ("POST", "clock", {"now": "2020-01-01T00:00:00Z"}, 400, "cannot go back"),
        ("POST", "clock", {"now": "2027-01-01T00:00:00"}, 400, "timezone"),
        ("POST", "clock", {"advance_seconds": -1}, 400, "greater than or equal to 0"),
        ("POST", "clock", {"later": 1}, 400, "unknown keys: later"),
        ("POST", "clock", [1], 400, "JSON object"),
        ("PATCH", "settings", {"lead_tim": "PT5M"}, 400, "lead_tim"),
        ("PATCH", "settings", {"backfill_share": 2}, 400, "less than or equal to 1"),
        ("POST", "faults", {"operation": "BuyEverything"}, 400, "unknown operation"),
        ("POST", "faults", {"operation": "Converse", "times": 0}, 400, "greater than"),
        ("POST", "faults", {"operation": "Converse", "when": "later"}, 400, "before"),
        ("POST", "provisioned", {"id": "fleet-9", "event": "fail"}, 404, "fleet-9"),
        ("POST", "provisioned", {"id": "fleet-9", "event": "explode"}, 400, "pattern"),
        ("GET", "billing", None, 400, "start"),
        ("GET", "nothing", None, 404, "GET /_world/clock"),
    ],
)
def test_a_wrong_request_is_answered_with_what_is_wrong(
    world: World,
    running: RunningWorld,
    *,
    method: str,
    path: str,
    body: Any,
    code: int,
    words: str,
) -> None:
    before = (world.clock.now(), world.config.current)
    status, message = _refusal(running, method, path, body)

    assert status == code
    assert words in message
    assert (world.clock.now(), world.config.current) == before


def test_switches_are_read_and_changed(
    world: World, running: RunningWorld, clients: Clients
) -> None:
    changed = _ask(running, "PATCH", "settings", {"lead_time": "PT1M", "applied_quotas": {}})

    assert changed == _ask(running, "GET", "settings")
    assert (changed["lead_time"], changed["region"]) == ("PT1M", "us-east-1")
    assert world.config.current.lead_time == timedelta(minutes=1)
    with refused("ServiceQuotaExceededException"):
        buy(clients.bedrock)


def test_faults_are_planned_and_cleared(
    world: World, running: RunningWorld, clients: Clients
) -> None:
    fault = {"operation": "Converse", "code": "ModelErrorException", "times": 2}
    assert _ask(running, "POST", "faults", fault) == {"planned": 2}
    with refused("ModelErrorException"):
        clients.runtime.converse(modelId=NOVA_LITE, messages=HELLO)
    assert _ask(running, "DELETE", "faults") == {"planned": 0}

    assert clients.runtime.converse(modelId=NOVA_LITE, messages=HELLO)["stopReason"]
    assert world.faults.take("Converse") is None


def test_purchases_are_planned_and_pts_disturbed(
    world: World, running: RunningWorld, clients: Clients
) -> None:
    assert _ask(running, "POST", "plans", {"lead_time": "PT1M"}) == {"plans": 1}
    arn = buy(clients.bedrock)
    other = buy(clients.bedrock, "fleet-2")
    world.advance(timedelta(minutes=1))
    get = clients.bedrock.get_provisioned_model_throughput
    ready = get(provisionedModelId=arn)["status"]
    failed = _ask(running, "POST", "provisioned", {"id": arn, "event": "fail", "message": "heat"})
    _ask(running, "POST", "provisioned", {"id": "fleet-2", "event": "vanish"})

    assert (ready, failed) == ("InService", {"arn": arn})
    assert get(provisionedModelId=arn)["failureMessage"] == "heat"
    with refused("ResourceNotFoundException"):
        get(provisionedModelId=other)


def test_answers_are_given_their_length(
    world: World, running: RunningWorld, clients: Clients
) -> None:
    assert _ask(running, "POST", "outputs", {"output_tokens": [3, 4]}) == {"planned": 2}
    lengths = [
        clients.runtime.converse(modelId=NOVA_LITE, messages=HELLO)["usage"]["outputTokens"]
        for _ in range(2)
    ]

    assert lengths == [3, 4]
    assert not world.inference.planned_outputs


def test_a_minute_is_offered_and_the_books_are_read(
    world: World, running: RunningWorld, clients: Clients
) -> None:
    buy(clients.bedrock, modelUnits=2)
    call = {"input_tokens": 7, "output_tokens": 2, "max_tokens": 10}
    body = {
        "address": NOVA_LITE,
        "start": "2026-01-05T00:00:00Z",
        "seconds": [0, 1.5],
        "calls": [call, {**call, "max_tokens": 10_001}],
    }
    result = _ask(running, "POST", "offers", body)
    world.advance(timedelta(hours=2))
    window = {"start": "2026-01-05T00:00:00Z", "end": "2026-01-05T02:00:00Z"}
    bill = _ask(running, "GET", "billing", **window)
    traffic = _ask(running, "GET", "traffic", **window)

    assert result["served"] == 1
    assert result["refused_by_code"] == {"ValidationException": 1}
    assert (result["input_tokens"], result["output_tokens"]) == (7, 2)
    # Two started hours of two units at 60.50
    assert bill["usd"] == "242.00"
    assert [charge["periods"] for charge in bill["charges"]] == [2]
    assert [(row["model_id"], row["served"], row["client_errors"]) for row in traffic] == [
        (NOVA_LITE, 1, 1)
    ]
