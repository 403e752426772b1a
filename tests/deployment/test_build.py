"""Each handler imports from the build output and the runtime's boto3 alone."""

import subprocess
from pathlib import Path

import pytest

from tests.deployment.conftest import Deployed
from tests.deployment.template import ROOT

pytestmark = [pytest.mark.emulator, pytest.mark.xdist_group("emulator")]

BUILD = ROOT / ".aws-sam" / "local" / "build"
# What the Lambda runtime has of itself.
RUNTIME = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py", "urllib3")


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    """A folder with the packages of the Lambda runtime and nothing else."""
    (installed,) = (ROOT / ".venv" / "lib").glob("python*/site-packages")
    for name in RUNTIME:
        (tmp_path / name).symlink_to(installed / name)
    return tmp_path


def _import(code: Path, runtime: Path, statement: str) -> subprocess.CompletedProcess[str]:
    path = [code, BUILD / "SharedLayer" / "python", runtime]
    script = f"import sys; sys.path[:0] = {[str(each) for each in path]!r}; {statement}"
    return subprocess.run(
        [ROOT / ".venv" / "bin" / "python", "-I", "-S", "-c", script],
        env={"AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize("function", ["ObserveDecide", "Purchase", "Release", "Publish"])
def test_handler_imports_from_the_build_alone(function: str, runtime: Path) -> None:
    done = _import(BUILD / f"{function}Function", runtime, "import app; app.handler")

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("deployed")
def test_an_unpackaged_import_is_noticed(runtime: Path) -> None:
    done = _import(BUILD / "PurchaseFunction", runtime, "import app, typer")

    assert "No module named 'typer'" in done.stderr


def test_the_layer_leaves_out_what_the_runtime_has(deployed: Deployed) -> None:
    packages = {path.name for path in (BUILD / "SharedLayer" / "python").iterdir()}

    assert deployed.stack.purchase
    assert packages.isdisjoint({"boto3", "botocore", "s3transfer"})
    assert {"bedrock_autoscaler", "numpy", "pydantic", "aws_lambda_powertools"} <= packages
    assert "bedrock_world" not in packages


def test_the_layer_fits_into_lambda(deployed: Deployed) -> None:
    """Lambda takes 250 MB unzipped; half of it leaves room for growth."""
    layer = BUILD / "SharedLayer"
    size = sum(path.stat().st_size for path in layer.rglob("*") if path.is_file())

    assert deployed.stack.purchase
    assert size < 125 * 1024 * 1024
