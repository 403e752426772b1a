"""What follows `sam build`: unused parts go, and the rest is compiled."""

import shutil
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from bedrock_world.layer import LAYER, LayerError, finish_layer

KEPT = ("numpy/lib/pad.py", "bedrock_autoscaler/domain/decide.py", "single.py")
UNUSED = (
    "numpy/lib/pad.pyi",
    "numpy/lib/tests/test_pad.py",
    "numpy/_core/_umath_tests.cpython-313-aarch64-linux-gnu.so",
    "bedrock_autoscaler/cli/app.py",
    "bedrock_autoscaler/domain/__pycache__/decide.cpython-312.pyc",
)


@pytest.fixture
def build(tmp_path: Path) -> Path:
    build = tmp_path / "build"
    for name in (*KEPT, *UNUSED):
        path = build / LAYER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("value = 1\n")
    return build


def _files(build: Path) -> dict[str, bytes]:
    packages = build / LAYER
    return {
        str(path.relative_to(packages)): path.read_bytes()
        for path in packages.rglob("*")
        if path.is_file()
    }


def test_leaves_out_what_no_handler_uses_and_compiles_the_rest(build: Path) -> None:
    finish_layer(build)

    assert set(_files(build)) == {*KEPT, *(cache_from_source(name) for name in KEPT)}


def test_finishing_again_changes_no_byte(build: Path) -> None:
    finish_layer(build)
    once = _files(build)

    finish_layer(build)

    assert _files(build) == once


def test_the_bytes_do_not_depend_on_where_it_was_built(build: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(build / LAYER, elsewhere / LAYER)

    finish_layer(elsewhere)
    finish_layer(build)

    assert (
        _files(build)[cache_from_source("single.py")]
        == (_files(elsewhere)[cache_from_source("single.py")])
    )


def test_a_module_that_does_not_compile_fails_the_build(build: Path) -> None:
    (build / LAYER / "single.py").write_text("value =")

    with pytest.raises(LayerError, match="does not compile"):
        finish_layer(build)


def test_a_build_without_layer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LayerError, match="run `sam build`"):
        finish_layer(tmp_path)
