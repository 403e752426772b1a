"""What follows `sam build`: the layer without what no handler uses, compiled to bytecode.

    python -m bedrock_world.layer FOLDER    (of the build, `.aws-sam/build`)

Lambda mounts a layer read-only. Without bytecode in it, every cold start compiles each module anew,
which takes longer than all else that an import does. A layer that skipped this step works too.
"""

import compileall
import shutil
import sys
from pathlib import Path
from py_compile import PycInvalidationMode

LAYER = Path("SharedLayer") / "python"
"""Place of the layer's packages in the build folder."""

UNUSED = (
    # Stubs and headers are for type checkers and compilers.
    "**/*.pyi",
    "numpy/_core/include",
    "numpy/_core/lib",
    "numpy/random/lib",
    "numpy/f2py",
    # Tests of the packages, and the modules compiled for them.
    "numpy/**/tests",
    "numpy/_core/_*_tests.*.so",
    "numpy/_core/_simd.*.so",
    # A page for browsers.
    "aws_lambda_powertools/event_handler/openapi/swagger_ui/swagger-ui*",
    # Our own package, as far as it serves people and not functions.
    "bedrock_autoscaler/backtest",
    "bedrock_autoscaler/cli",
    "bedrock_autoscaler/report",
    "bedrock_autoscaler/traces",
    "**/__pycache__",
)
"""What the layer leaves out, as patterns below its packages."""


class LayerError(Exception):
    """The build has no layer that could be deployed."""


def finish_layer(build: Path) -> None:
    """Leave out what is unused, then compile; doing so again changes nothing.

    Args:
        build: folder that `sam build` has filled.

    Raises:
        LayerError: there is no layer, or a module of it does not compile.
    """
    packages = build / LAYER
    if not packages.is_dir():
        raise LayerError(f"{packages} does not exist; run `sam build`")
    for pattern in UNUSED:
        for path in sorted(packages.glob(pattern)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    # The archive resets times of change, so that bytecode checked against them would be refused.
    # The place where Lambda mounts the layer, not that of the build, makes the bytes reproducible.
    done = compileall.compile_dir(
        packages,
        maxlevels=32,
        quiet=1,
        stripdir=packages,
        prependdir="/opt/python",
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
    )
    if not done:
        raise LayerError(f"a module in {packages} does not compile")


def main() -> None:
    """Finish the layer in the folder that the command line names."""
    (_, build) = sys.argv
    finish_layer(Path(build))


if __name__ == "__main__":
    main()
