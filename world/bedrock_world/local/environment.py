"""Environments of the processes we start: nothing in them can reach a real AWS account."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path

REGION = "us-east-1"
# The emulator takes a key of twelve digits for the account's number.
ACCOUNT = "111111111111"
SECRET = "local"  # noqa: S105 - the emulator checks no secret; a real key must never stand here
LOOPBACK = "127.0.0.1"

# What Bedrock itself serves comes from our world, all else from the emulator.
WORLD_SERVICES = ("bedrock", "bedrock-runtime", "service-quotas")


def child_environment(tools: Path) -> dict[str, str]:
    """This process's environment, less all AWS settings, with `tools` first on the path.

    Proxy and package index settings stay: `sam build` downloads the layer's packages.
    """
    dropped = ("AWS_", "SAM_", "PYTHON", "VIRTUAL_ENV", "MINISTACK_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return kept | {
        "PATH": os.pathsep.join([str(tools / "bin"), kept.get("PATH", os.defpath)]),
        "NO_PROXY": f"{LOOPBACK},localhost",
        "no_proxy": f"{LOOPBACK},localhost",
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def endpoints(endpoint: str, world_url: str) -> dict[str, str]:
    """Where the SDK sends its calls: to the emulator, and to the world for what Bedrock serves."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        **{
            f"AWS_ENDPOINT_URL_{name.upper().replace('-', '_')}": world_url
            for name in WORLD_SERVICES
        },
    }


def emulator_environment(
    tools: Path,
    *,
    port: int,
    state: Path,
    world_url: str,
    enforce_iam: bool,
    variables: Mapping[str, str],
) -> dict[str, str]:
    """Environment of the emulator, which every function in it inherits; `variables` come last."""
    return (
        child_environment(tools)
        | endpoints(f"http://{LOOPBACK}:{port}", world_url)
        | {
            "BIND_HOST": LOOPBACK,
            "MINISTACK_HOST": LOOPBACK,
            "GATEWAY_PORT": str(port),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            "AUTH": "true" if enforce_iam else "false",
            # Each function worker unpacks code and layer here and leaves it behind.
            "TMPDIR": str(state),
            "STATE_DIR": str(state / "state"),
        }
        | dict(variables)
    )


def sam_environment(tools: Path, endpoint: str) -> dict[str, str]:
    """Environment of SAM: offline but for the package index, and deploying to `endpoint`."""
    return child_environment(tools) | {
        "AWS_ENDPOINT_URL": endpoint,
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "1",
    }


def host_architecture() -> str:
    """Lambda's name for this machine's processor, so that layers built for it run here."""
    return "arm64" if platform.machine().lower() in {"aarch64", "arm64"} else "x86_64"
