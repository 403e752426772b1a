"""Prints what each package of the built layer takes; exits 1 above the limit.

    make build && python -m benchmarks.layer [FOLDER OF THE BUILD, default .aws-sam/build]

Sizes are those of an archive as SAM makes it: deflated, and with the entries of its directory.
"""

import io
import re
import sys
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bedrock_world.layer import LAYER

LIMIT_ZIPPED_BYTES = 25_000_000
"""What the layer may hold zipped; every cold start fetches it."""

BUILD = Path(__file__).resolve().parents[1] / ".aws-sam" / "build"

# `numpy.libs` and `numpy-2.5.5.dist-info` belong to numpy.
_BELONGS = re.compile(r"^(?P<package>[A-Za-z0-9_]+?)(\.libs|\.py|-[0-9][^-]*\.(dist-info|data))?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSize:
    """What one package takes: bytes in the archive, bytes unpacked, and files."""

    package: str
    zipped: int
    unzipped: int
    files: int


def measure(packages: Path) -> tuple[PackageSize, ...]:
    """The size of each package in the folder, the largest first."""
    zipped, unzipped, files = Counter[str](), Counter[str](), Counter[str]()
    for path in sorted(packages.rglob("*")):
        if not path.is_file():
            continue
        place = path.relative_to(packages)
        package = _package_of(place)
        zipped[package] += _zipped_bytes(path, place)
        unzipped[package] += path.stat().st_size
        files[package] += 1
    return tuple(
        PackageSize(package=name, zipped=size, unzipped=unzipped[name], files=files[name])
        for name, size in zipped.most_common()
    )


def _package_of(place: Path) -> str:
    """The package that a file belongs to; the bytecode of single modules belongs to theirs."""
    first = place.name.partition(".")[0] if place.parts[0] == "__pycache__" else place.parts[0]
    known = _BELONGS.match(first)
    return known["package"] if known else first


def _zipped_bytes(path: Path, place: Path) -> int:
    """Bytes that one file adds to an archive."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        writer.writestr(str(LAYER.name / place), path.read_bytes())
    return archive.tell()


def main() -> int:
    """Print a line for each package and for all; 1 when they are too large."""
    build = Path(sys.argv[1]) if len(sys.argv) > 1 else BUILD
    packages = build / LAYER
    if not packages.is_dir():
        sys.exit(f"{packages} does not exist; run `make build`")
    sizes = measure(packages)
    total = PackageSize(
        package="all",
        zipped=sum(size.zipped for size in sizes),
        unzipped=sum(size.unzipped for size in sizes),
        files=sum(size.files for size in sizes),
    )
    sys.stdout.write(_table(sizes, total))
    return 0 if total.zipped <= LIMIT_ZIPPED_BYTES else 1


def _table(sizes: Sequence[PackageSize], total: PackageSize) -> str:
    lines = [
        "make build && python -m benchmarks.layer",
        f"{'package':24}{'zipped MB':>12}{'unzipped MB':>14}{'files':>8}{'share':>8}",
    ]
    lines += [
        f"{size.package:24}{size.zipped / 1e6:12.2f}{size.unzipped / 1e6:14.2f}"
        f"{size.files:8}{size.zipped / total.zipped:8.1%}"
        for size in (*sizes, total)
    ]
    verdict = "kept" if total.zipped <= LIMIT_ZIPPED_BYTES else "exceeded"
    lines.append(f"limit: {LIMIT_ZIPPED_BYTES / 1e6:.0f} MB zipped: {verdict}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
