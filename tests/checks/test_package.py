"""What the distribution promises to whoever installs it."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[2]


def test_the_package_s_name_alone_imports_nothing_else() -> None:
    script = (
        "import sys; before = set(sys.modules); import bedrock_autoscaler;"
        "print(*sorted(set(sys.modules) - before))"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["bedrock_autoscaler"]


def test_the_domain_imports_the_standard_library_and_numpy_only() -> None:
    graph = grimp.build_graph("bedrock_autoscaler", include_external_packages=True, cache_dir=None)
    domain = {"bedrock_autoscaler.domain", *graph.find_descendants("bedrock_autoscaler.domain")}

    imported = {
        name.partition(".")[0]
        for module in domain
        for name in graph.find_modules_directly_imported_by(module) - domain
    }

    assert imported - sys.stdlib_module_names == {"numpy"}


def _names(path: str) -> set[str]:
    """Distributions that a requirements file names."""
    text = (ROOT / path).read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", text, re.MULTILINE))


def test_the_layer_s_lock_has_the_controller_s_needs_and_no_sdk() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needs = {
        re.split(r"[<>=\[]", each)[0] for each in project["optional-dependencies"]["controller"]
    }

    locked = _names("shared/requirements.txt")

    assert needs <= locked
    assert locked.isdisjoint({"boto3", "botocore", "s3transfer"})


def test_development_uses_the_layer_s_versions() -> None:
    def versions(path: str) -> dict[str, str]:
        text = (ROOT / path).read_text(encoding="utf-8")
        return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^ ;\\]+)", text, re.MULTILINE))

    layer, development = versions("shared/requirements.txt"), versions("requirements/dev.txt")

    assert {name: development.get(name) for name in layer} == layer


def test_locks_pin_by_hash_and_name_no_index() -> None:
    locks = [*(ROOT / "requirements").glob("*.txt"), ROOT / "shared" / "requirements.txt"]

    assert len(locks) == 6
    for lock in locks:
        text = lock.read_text(encoding="utf-8")
        pins = re.findall(
            r"^[a-z0-9].*==.*$(?:\n +--hash=sha256:[0-9a-f]{64}.*$)+", text, re.MULTILINE
        )
        assert len(pins) == len(re.findall(r"^[a-z0-9]", text, re.MULTILINE)), lock.name
        assert "://" not in text, lock.name


def test_no_helper_runs_a_handler_again() -> None:
    """A helper that repeats a handler after a time-out is never the guard of a purchase."""
    sources = [*(ROOT / "shared").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)

    assert sources
    assert "utilities.idempotency" not in text
    assert "utilities.batch" not in text
