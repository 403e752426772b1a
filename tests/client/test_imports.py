"""The client runs where boto3 is the only other package."""

import subprocess
import sys

_SCRIPT = """
import sys
for absent in ("pydantic", "numpy", "aws_lambda_powertools", "typer", "rich", "litellm"):
    sys.modules[absent] = None
import bedrock_autoscaler.client
import bedrock_autoscaler.client.asynchronous
import bedrock_autoscaler.client.deferring
import bedrock_autoscaler.client.envoy
import bedrock_autoscaler.client.litellm_config
outside = {name.partition(".")[0] for name in sys.modules if sys.modules[name]}
print(*sorted(outside - sys.stdlib_module_names - {"__main__", "bedrock_autoscaler"}))
"""
# What boto3 itself brings along.
_OF_BOTO3 = {"boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"}


def test_the_client_loads_boto3_and_what_comes_with_it_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", _SCRIPT], capture_output=True, text=True, check=True
    )

    # Names with an underscore belong to the interpreter and to the installation.
    loaded = {name for name in done.stdout.split() if not name.startswith("_")}
    assert "boto3" in loaded
    assert loaded <= _OF_BOTO3 | {"certifi", "socks", "brotli", "zstandard"}


def test_the_package_without_its_asynchronous_client_does_not_load_asyncio() -> None:
    script = "import sys, bedrock_autoscaler.client; print('asyncio' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "False"
