"""The static checks catch what they were made for: each is run on a copy with a planted defect."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(sys.executable).parent
PACKAGE = Path("shared") / "bedrock_autoscaler"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The configuration and both source roots, free to spoil."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for source in ("shared", "world"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / source, tmp_path / source, ignore=ignored)
    return tmp_path


def _plant(path: Path, code: str) -> None:
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{code}\n", encoding="utf-8")


def _contracts(copy: Path) -> subprocess.CompletedProcess[str]:
    roots = os.pathsep.join([str(copy / "shared"), str(copy / "world")])
    return subprocess.run(
        [TOOLS / "lint-imports", "--no-cache", "--no-logo"],
        cwd=copy,
        env={"PATH": os.defpath, "PYTHONPATH": roots, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def _ruff(path: Path, *, root: Path) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = ["check", "--no-cache", "--select", "TID251", path]
    return subprocess.run(
        [TOOLS / "ruff", *command], cwd=root, capture_output=True, text=True, check=False
    )


def test_import_contracts_hold(copy: Path) -> None:
    done = _contracts(copy)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "code", "contract"),
    [
        ("domain/decision.py", "import boto3", "Domain and application know no SDK"),
        ("domain/units.py", "import pydantic", "Domain and application know no SDK"),
        ("application/ticking.py", "import botocore.session", "Domain and application know no SDK"),
        ("domain/acting/gate.py", "import time", "The domain has no clock"),
        ("domain/units.py", "import os", "The domain has no clock"),
        (
            "domain/units.py",
            "import bedrock_autoscaler.application.errors",
            "Imports point inwards",
        ),
        ("adapters/clock.py", "import bedrock_autoscaler.adapters.prices", "Adapters do not know"),
        (
            "backtest/replay.py",
            "import bedrock_autoscaler.application.errors",
            "The backtest rests",
        ),
        ("adapters/clock.py", "import bedrock_world", "Only the command line knows"),
        ("client/document.py", "import pydantic", "The client needs boto3 alone"),
        ("domain/routing/route.py", "import numpy", "The client needs boto3 alone"),
    ],
)
def test_forbidden_import_breaks_its_contract(
    copy: Path, module: str, code: str, contract: str
) -> None:
    _plant(copy / PACKAGE / module, code)

    done = _contracts(copy)

    assert done.returncode == 1
    broken = [line for line in done.stdout.splitlines() if line.endswith("BROKEN")]
    assert any(contract in line for line in broken), done.stdout


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("domain/acting/gate.py", "from datetime import datetime\n\nNOW = datetime.now()"),
        ("domain/acting/gate.py", "import time\n\nNOW = time.time()"),
        ("application/ticking.py", "import datetime\n\nTODAY = datetime.date.today()"),
        ("backtest/trace.py", "import os\n\nHOME = os.environ['HOME']"),
        ("adapters/prices.py", "from os import getenv"),
    ],
)
def test_reading_clock_or_environment_elsewhere_is_refused(
    copy: Path, module: str, code: str
) -> None:
    path = copy / PACKAGE / module
    assert _ruff(path, root=copy).returncode == 0
    _plant(path, code)

    done = _ruff(path, root=copy)

    assert done.returncode == 1
    assert "TID251" in done.stdout


@pytest.mark.parametrize("module", ["adapters/clock.py", "adapters/environment.py"])
def test_the_one_place_for_it_may(copy: Path, module: str) -> None:
    assert _ruff(copy / PACKAGE / module, root=copy).returncode == 0
