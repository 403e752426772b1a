"""A LiteLLM Router before the Bedrock world; where LiteLLM is absent, so are its tests."""

import logging
from typing import Any

import pytest

from bedrock_autoscaler.client.litellm_config import deployments
from bedrock_world.server import RunningWorld

litellm = pytest.importorskip(
    "litellm", reason="LiteLLM is not installed here; `make gateways` runs this test"
)
litellm.suppress_debug_info = True
logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)

HELLO = [{"role": "user", "content": "Hello"}]


def reach(running: RunningWorld) -> dict[str, str]:
    """What every deployment needs to get to the world."""
    return {
        "aws_access_key_id": "testing",
        "aws_secret_access_key": "testing",
        "aws_region_name": "us-east-1",
        "aws_bedrock_runtime_endpoint": running.url,
    }


def ids(shown: Any) -> list[str]:
    return [each["model_info"]["id"] for each in deployments(shown, {})]
