"""`bench` around a driver that needs no load tool; the real one is in tests/client/test_load.py."""

import builtins
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bedrock_autoscaler.cli.app import run
from bedrock_autoscaler.cli.routing import bench, loading
from bedrock_autoscaler.client.document import routing_table_text
from bedrock_autoscaler.report.knee import Stage
from tests.builders import pt_arn
from tests.client.stage import route, table
from tests.world.support import NOVA_LITE, NOVA_LITE_PROFILE


class Limited:
    """Serves 50 calls a minute of 100 and 20 tokens."""

    def run(self, calls_per_minute: float, seconds: float) -> Stage:
        served = round(min(calls_per_minute, 50.0) * seconds / 60)
        return Stage(
            calls_per_minute=calls_per_minute,
            seconds=seconds,
            served=served,
            throttled=round(calls_per_minute * seconds / 60) - served,
            errors=(("ModelTimeoutException", 1),) if calls_per_minute > 50 else (),
            input_tokens=served * 100,
            output_tokens=served * 20,
            first_token_seconds=(0.4, 0.6),
            token_seconds=(0.01,),
        )


@pytest.fixture
def published(tmp_path: Path) -> str:
    path = tmp_path / "chat.json"
    path.write_text(routing_table_text(table(route(pt_arn(1)), route(NOVA_LITE))))
    return str(path)


@pytest.fixture
def driven(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The routes that were driven."""
    routes: list[Any] = []

    def make(_table: Any, one: Any, _prompt: Any, **_: Any) -> Limited:
        routes.append(one)
        return Limited()

    monkeypatch.setattr(bench, "_driver", make)
    return routes


FAST = ["--calls-per-minute", "10", "--growth", "2", "--yes"]


def test_prints_each_stage_and_proposes_a_unit_rate(
    published: str, driven: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["bench", "chat", "--from", published, "--units", "2", *FAST]) == 0

    text = capsys.readouterr().out
    assert [line.split()[0] for line in text.splitlines()[1:7]] == [
        "10.0", "20.0", "40.0", "80.0", "60.0", "50.0",
    ]  # fmt: skip
    assert "500 ms /" in text
    assert "errors besides throttles: ModelTimeoutException" in text
    assert (
        "throttling begins above 2,500 input and 500 output tokens a minute for each of 2" in text
    )
    proposal = json.loads(text.split("proposal: ")[1])["provisioned"]["unit_rate"]
    assert (proposal["input_tokens_per_minute"], proposal["output_tokens_per_minute"]) == (
        2500,
        500,
    )
    assert [one.address for one in driven] == [pt_arn(1)]


def test_prints_json_without_a_unit_rate_for_what_has_no_units(
    published: str, driven: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["bench", "chat", "--from", published, "--address", NOVA_LITE, *FAST]
    assert run([*arguments, "--output", "json", "--stages", "3"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert found["address"] == NOVA_LITE
    assert [each["calls_per_minute"] for each in found["stages"]] == [10, 20, 40]
    assert found["knee"]["reached"] is False
    assert found["unit_rate"] is None


def test_asks_before_it_calls(
    published: str, driven: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))

    status = run(["bench", "chat", "--from", published, "--calls-per-minute", "60"])

    assert status != 0
    assert "billed" in capsys.readouterr().out
    assert len(driven) == 1


def test_a_route_that_is_not_in_the_table_is_refused(
    published: str, driven: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["bench", "chat", "--from", published, "--address", NOVA_LITE_PROFILE, *FAST]

    assert run(arguments) == 2
    assert f"is no route of chat; its routes are: {pt_arn(1)}" in capsys.readouterr().err


def test_without_the_load_tool_it_says_how_to_get_it(
    published: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    imported = builtins.__import__

    def refuse(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("llmeter"):
            raise ImportError(name)
        return imported(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")

    assert run(["bench", "chat", "--from", published, "--yes"]) == 2
    assert "pip install 'bedrock-autoscaler[load,litellm]'" in capsys.readouterr().err


def test_litellm_is_told_of_the_route_as_its_router_would_be(
    published: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(loading, "completion", told.append)
    monkeypatch.setattr(loading, "Driver", lambda *_, **__: Limited())
    arguments = ["bench", "chat", "--from", published, "--through", "litellm", *FAST]

    assert run([*arguments, "--output", "json", "--stages", "1"]) == 0

    assert json.loads(capsys.readouterr().out)["through"] == "litellm"
    assert told == [{"model": f"bedrock/converse/{NOVA_LITE}", "model_id": pt_arn(1)}]


def test_both_clients_are_sent_the_same_prompt() -> None:
    prompt = loading.Prompt(input_tokens=100, output_tokens=7)

    plain, other = prompt.request(), prompt.completion()

    assert plain["messages"][0]["content"][0]["text"] == other["messages"][0]["content"]
    assert plain["inferenceConfig"]["maxTokens"] == other["max_tokens"] == 7


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (
            "An error occurred (ThrottlingException) when calling the ConverseStream operation",
            "ThrottlingException",
        ),
        ("throttlingException: too many", "ThrottlingException"),
        ("An error occurred (AccessDeniedException) when calling", "AccessDeniedException"),
        ("Could not connect to the endpoint URL", "OtherError"),
        ("litellm.RateLimitError: BedrockException: {}", "ThrottlingException"),
        ("litellm.AuthenticationError: BedrockException - no", "AuthenticationError"),
    ],
)
def test_errors_are_told_by_their_code_alone(text: str, code: str) -> None:
    assert loading.code_of(text) == code
