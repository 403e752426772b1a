"""Each handler imports from the build output and the runtime's boto3 alone."""

import subprocess
from collections.abc import Iterator
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from bedrock_world.layer import LAYER
from bedrock_world.local.sam import held_build
from benchmarks.layer import LIMIT_ZIPPED_BYTES, measure
from tests.deployment.access_rules import FANNED, FUNCTIONS
from tests.deployment.conftest import Deployed
from tests.deployment.template import ROOT

pytestmark = [pytest.mark.emulator, pytest.mark.xdist_group("emulator")]

HEAVY = "print(sorted({'numpy', 'bedrock_autoscaler.domain.decide'} & sys.modules.keys()))"
# What the Lambda runtime has of itself.
RUNTIME = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py", "urllib3")


@pytest.fixture(scope="module")
def build(deployed: Deployed) -> Iterator[Path]:
    """The build output as it was deployed; nobody builds anew meanwhile."""
    assert deployed.stack.purchase
    with held_build(ROOT) as folder:
        yield folder


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages of the Lambda runtime and nothing else."""
    (installed,) = (ROOT / ".venv" / "lib").glob("python*/site-packages")
    folder = tmp_path_factory.mktemp("runtime")
    for name in RUNTIME:
        (folder / name).symlink_to(installed / name)
    return folder


@pytest.fixture(scope="module", params=[*FUNCTIONS, *FANNED])
def imported(
    request: pytest.FixtureRequest, build: Path, runtime: Path
) -> subprocess.CompletedProcess[str]:
    """A process that imported a handler and then printed which heavy modules it loaded."""
    return _import(build / f"{request.param}Function", runtime, f"import app; app.handler; {HEAVY}")


def _import(code: Path, runtime: Path, statement: str) -> subprocess.CompletedProcess[str]:
    path = [code, code.parent / "SharedLayer" / "python", runtime]
    script = f"import sys; sys.path[:0] = {[str(each) for each in path]!r}\n{statement}"
    return subprocess.run(
        [ROOT / ".venv" / "bin" / "python", "-B", "-I", "-S", "-c", script],
        env={"AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"},
        capture_output=True,
        text=True,
        check=False,
    )


# Modules that a function loads when it first uses them are imported by no handler.
_EVERY_MODULE = """
import importlib, pkgutil, bedrock_autoscaler.bootstrap
for part in ("adapters", "application", "domain"):
    package = importlib.import_module(f"bedrock_autoscaler.{part}")
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
print("bedrock_autoscaler.domain.decide" in sys.modules)
"""


def test_handler_imports_from_the_build_alone(imported: subprocess.CompletedProcess[str]) -> None:
    assert (imported.returncode, imported.stderr) == (0, "")


def test_every_module_that_functions_load_is_in_the_build(build: Path, runtime: Path) -> None:
    done = _import(build / "PublishFunction", runtime, _EVERY_MODULE)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "True\n"


def test_a_handler_leaves_the_decision_core_to_its_first_use(
    imported: subprocess.CompletedProcess[str],
) -> None:
    assert imported.stdout == "[]\n"


def test_an_unpackaged_import_is_noticed(build: Path, runtime: Path) -> None:
    done = _import(build / "PurchaseFunction", runtime, "import app, typer")

    assert "No module named 'typer'" in done.stderr


def test_the_layer_leaves_out_what_the_runtime_has(build: Path) -> None:
    packages = {path.name for path in (build / "SharedLayer" / "python").iterdir()}

    assert packages.isdisjoint({"boto3", "botocore", "s3transfer"})
    assert {"bedrock_autoscaler", "numpy", "pydantic", "aws_lambda_powertools"} <= packages
    assert "bedrock_world" not in packages


def test_the_layer_stays_small(build: Path) -> None:
    sizes = measure(build / LAYER)

    assert sum(size.zipped for size in sizes) <= LIMIT_ZIPPED_BYTES


def test_the_layer_has_bytecode_for_every_module(build: Path) -> None:
    """What an import of a handler loads is never compiled at a cold start."""
    layer = build / LAYER
    modules = list(layer.rglob("*.py"))

    assert modules
    assert [each for each in modules if not Path(cache_from_source(str(each))).exists()] == []
