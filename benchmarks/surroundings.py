"""What a result has to say of where it came from."""

import platform
import subprocess
from os import process_cpu_count
from pathlib import Path
from shutil import which

ROOT = Path(__file__).resolve().parents[1]
_CPU_INFORMATION = Path("/proc/cpuinfo")


def machine() -> str:
    """Processor, cores that may be used, and operating system; not the machine's name."""
    cores = process_cpu_count() or 1
    plural = "" if cores == 1 else "s"
    return f"{_processor()}, {cores} core{plural}, {platform.system()} {platform.machine()}"


def python() -> str:
    """The interpreter's name and version."""
    return f"{platform.python_implementation()} {platform.python_version()}"


def commit() -> str:
    """The commit that is checked out, and whether what is measured differs from it."""
    known = _git("rev-parse", "--short=12", "HEAD")
    if known is None:
        return "unknown"
    changed = _git("status", "--porcelain", "--", "shared", "benchmarks/*.py")
    return f"{known} with local changes" if changed else known


def _git(*arguments: str) -> str | None:
    """What git answers, or None where there is no git or no repository."""
    program = which("git")
    if program is None:
        return None
    command = [program, "-C", str(ROOT), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    return done.stdout.strip() if done.returncode == 0 else None


def _processor() -> str:
    if _CPU_INFORMATION.exists():
        for line in _CPU_INFORMATION.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or "unknown processor"
