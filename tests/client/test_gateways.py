"""The table as configurations of gateways, and as readers of a few lines take it."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bedrock_autoscaler.cli.app import run
from bedrock_autoscaler.client.document import routing_table_text
from bedrock_autoscaler.client.envoy import envoy_resources
from bedrock_autoscaler.client.litellm_config import route_id, router_config
from tests.builders import pt_arn
from tests.client.stage import route, table

PAGE = Path(__file__).parents[2] / "docs" / "gateways.md"
PT, MODEL, PROFILE = pt_arn(1), "amazon.nova-lite-v1:0", "us.amazon.nova-lite-v1:0"
TABLE = table(
    route(PT, 0.75),
    route(PROFILE, 0.25, region="us-west-2"),
    route(PROFILE, tier="priority"),
    route(MODEL, latency="optimized"),
    version=7,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    written = tmp_path / "chat.json"
    written.write_text(routing_table_text(TABLE), encoding="utf-8")
    return written


# -- LiteLLM -----------------------------------------------------------------------------------


def test_litellm_is_told_what_each_route_asks_for() -> None:
    config = router_config(TABLE, "us-east-1")

    assert [each["litellm_params"] for each in config["model_list"]] == [
        {
            "model": f"bedrock/converse/{PROFILE}",
            "model_id": PT,
            "aws_region_name": "us-east-1",
            "order": 1,
            "weight": 0.75,
        },
        {
            "model": f"bedrock/converse/{PROFILE}",
            "aws_region_name": "us-west-2",
            "order": 1,
            "weight": 0.25,
        },
        {
            "model": f"bedrock/converse/{PROFILE}",
            "service_tier": "priority",
            "aws_region_name": "us-east-1",
            "order": 4,
            "weight": 0.0,
        },
        {
            "model": f"bedrock/converse/{MODEL}",
            "performanceConfig": {"latency": "optimized"},
            "aws_region_name": "us-east-1",
            "order": 5,
            "weight": 0.0,
        },
    ]
    assert {each["model_name"] for each in config["model_list"]} == {"chat"}


def test_a_deployment_keeps_its_id_while_its_route_stays() -> None:
    ids = {route_id("chat", each) for each in TABLE.routes}

    assert len(ids) == 4
    assert route_id("chat", route(PT, 0.1)) == route_id("chat", route(PT, 0.9))
    assert route_id("chat", route(PT)) != route_id("mail", route(PT))


# -- Envoy AI Gateway --------------------------------------------------------------------------


def test_envoy_draws_by_weight_and_spills_by_priority() -> None:
    resources = envoy_resources(TABLE, "us-east-1", "ai")

    (rule,) = resources["items"][0]["spec"]["rules"]
    assert rule["matches"] == [
        {"headers": [{"type": "Exact", "name": "x-ai-eg-model", "value": "chat"}]}
    ]
    assert rule["backendRefs"] == [
        {"name": "chat-us-east-1", "modelNameOverride": PT, "priority": 0, "weight": 750},
        {"name": "chat-us-west-2", "modelNameOverride": PROFILE, "priority": 0, "weight": 250},
        {
            "name": "chat-us-east-1",
            "modelNameOverride": PROFILE,
            "priority": 1,
            "weight": 1,
            "bodyMutation": {"set": [{"path": "service_tier", "value": '"priority"'}]},
        },
        {
            "name": "chat-us-east-1",
            "modelNameOverride": MODEL,
            "priority": 2,
            "weight": 1,
            "bodyMutation": {
                "set": [{"path": "performanceConfig", "value": '{"latency": "optimized"}'}]
            },
        },
    ]


def test_envoy_gets_every_backend_that_its_route_names() -> None:
    items: list[Any] = envoy_resources(TABLE, "us-east-1", "ai")["items"]

    kinds: dict[str, list[str]] = {}
    for item in items:
        kinds.setdefault(item["kind"], []).append(item["metadata"]["name"])
    regions = ["chat-us-east-1", "chat-us-west-2"]
    assert kinds == {
        "AIGatewayRoute": ["chat"],
        "BackendTrafficPolicy": ["chat"],
        "AIServiceBackend": regions,
        "Backend": regions,
        "BackendTLSPolicy": regions,
    }


# -- the command line --------------------------------------------------------------------------


def test_the_commands_print_what_gateways_take(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["routes", "litellm", "chat", "--from", str(path), "--region", "us-east-1"]) == 0
    assert json.loads(capsys.readouterr().out) == router_config(TABLE, "us-east-1")

    envoy = ["routes", "envoy", "chat", "--region", "us-east-1", "--gateway", "ai"]
    assert run([*envoy, "--from", str(path)]) == 0
    assert json.loads(capsys.readouterr().out) == envoy_resources(TABLE, "us-east-1", "ai")


def test_the_table_is_shown_for_people_and_for_programs(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["routes", "show", "chat", "--from", str(path)]) == 0
    assert f"75.0%  provisioned         {PT}\n" in capsys.readouterr().out

    assert run(["routes", "show", "chat", "--from", str(path), "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(routing_table_text(TABLE))


@pytest.mark.parametrize(
    ("text", "problem"), [("{", "is no JSON"), (None, "cannot be read"), ("other", "not of chat")]
)
def test_a_table_that_cannot_be_used_is_one_line(
    path: Path, text: str | None, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is None:
        path.unlink()
    elif text == "other":
        path.write_text(routing_table_text(table(route(MODEL), target="other")), encoding="utf-8")
    else:
        path.write_text(text, encoding="utf-8")

    assert run(["routes", "show", "chat", "--from", str(path)]) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert problem in line


# -- readers of their own ----------------------------------------------------------------------


def _snippet(language: str) -> str:
    """The one block of this language on the page that reads a table."""
    blocks = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (block,) = [block for block in blocks if "refuse an older" in block]
    lines = [line for line in block.splitlines() if line.strip()]
    assert len(lines) <= 10
    return str(block)


def _order(program: list[str], path: Path, version: str) -> list[str]:
    done = subprocess.run(
        [*program, str(path), version], capture_output=True, text=True, check=False
    )
    return done.stdout.split() if done.returncode == 0 else [done.stderr]


def _check_reader(program: list[str], path: Path) -> None:
    """Each draw begins at a route with a weight, and the others follow from the top."""
    addresses = [each.address for each in TABLE.routes]
    seen = {tuple(_order(program, path, "6")) for _ in range(12)}

    allowed = {
        tuple(addresses),
        (addresses[1], addresses[0], *addresses[2:]),
    }
    assert seen <= allowed
    assert tuple(addresses) in seen
    assert "older" in _order(program, path, "8")[0]


def test_ten_lines_of_python_read_the_table(path: Path, tmp_path: Path) -> None:
    script = tmp_path / "reader.py"
    script.write_text(
        f"{_snippet('python')}\nimport sys\n"
        "text = open(sys.argv[1]).read()\n"
        "print(*(r['address'] for r in routes_of(text, int(sys.argv[2]))), sep='\\n')\n",
        encoding="utf-8",
    )

    _check_reader([sys.executable, str(script)], path)


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node.js here")
def test_ten_lines_of_javascript_read_the_table(path: Path, tmp_path: Path) -> None:
    script = tmp_path / "reader.mjs"
    script.write_text(
        f"{_snippet('javascript')}\nimport fs from 'node:fs';\n"
        "const text = fs.readFileSync(process.argv[2], 'utf8');\n"
        "for (const r of routesOf(text, Number(process.argv[3]))) console.log(r.address);\n",
        encoding="utf-8",
    )

    _check_reader([str(shutil.which("node")), str(script)], path)
