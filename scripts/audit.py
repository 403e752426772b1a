"""Looks the locked dependencies up among known vulnerabilities, and says so when it could not.

pip-audit calls a dependency that its source does not know skipped, and the run a success; behind
a mirror of the package index that is every dependency. Here a lock counts as looked up only for
the packages that a source gave an answer on.

Run it as `python scripts/audit.py [--strict] LOCK...`; it exits with 1 on a known vulnerability,
and with `--strict` on a package without an answer too.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SOURCES = ("pypi", "osv")
"""Advisory sources in the order in which they are asked."""

_LIMIT_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one source said of one lock.

    Attributes:
        known: packages that it gave an answer on.
        unknown: packages without one.
        vulnerabilities: a line for each.
        problem: why there is no answer at all; empty when there is one.
    """

    source: str
    known: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    vulnerabilities: tuple[str, ...] = ()
    problem: str = ""


def look_up(pip_audit: Path, lock: Path, source: str) -> Answer:
    """Ask one source about every package of a lock."""
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "found.json"
        command: list[str | Path] = [pip_audit, "--require-hashes", "--disable-pip"]
        command += ["--progress-spinner", "off", "--vulnerability-service", source]
        command += ["--format", "json", "--output", found, "--requirement", lock]
        try:
            done = subprocess.run(  # noqa: S603 - the command is ours
                command, capture_output=True, text=True, check=False, timeout=_LIMIT_SECONDS
            )
        except subprocess.TimeoutExpired:
            return Answer(source=source, problem=f"no answer in {_LIMIT_SECONDS} s")
        # It writes a report whenever it got an answer, whether good or bad.
        if not found.exists() or not found.stat().st_size:
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            return Answer(source=source, problem=lines[-1].strip() if lines else "no report")
        return read_report(source, found.read_text(encoding="utf-8"))


def read_report(source: str, report: str) -> Answer:
    """The answer in a report of pip-audit."""
    dependencies = json.loads(report)["dependencies"]
    return Answer(
        source=source,
        known=tuple(each["name"] for each in dependencies if "vulns" in each),
        unknown=tuple(each["name"] for each in dependencies if "vulns" not in each),
        vulnerabilities=tuple(
            f"{each['name']} {each['version']}: {one['id']}, fixed in "
            f"{', '.join(one['fix_versions']) or 'no release'}"
            for each in dependencies
            for one in each.get("vulns", ())
        ),
    )


def describe(answers: Sequence[Answer]) -> str:
    """One line on what the sources said of a lock."""
    best = max(answers, key=lambda answer: len(answer.known))
    if best.known:
        missing = f", no answer on {', '.join(best.unknown)}" if best.unknown else ""
        total = len(best.known) + len(best.unknown)
        bad = len(best.vulnerabilities)
        return (
            f"{len(best.known)} of {total} packages looked up ({best.source}){missing}; "
            f"{bad or 'no'} known {'vulnerability' if bad == 1 else 'vulnerabilities'}"
        )
    reasons = (
        f"{answer.source}: {answer.problem or f'knows none of {len(answer.unknown)} packages'}"
        for answer in answers
    )
    return f"not run, because no advisory source answered ({'; '.join(reasons)})"


def main(arguments: Sequence[str]) -> int:
    """Audit each lock; the exit code."""
    parser = argparse.ArgumentParser(description="Audit locked dependencies.")
    parser.add_argument("--strict", action="store_true", help="fail on packages without an answer")
    parser.add_argument("--pip-audit", type=Path, default=Path(sys.executable).parent / "pip-audit")
    parser.add_argument("locks", nargs="+", type=Path)
    options = parser.parse_args(arguments)
    is_good = True
    for lock in options.locks:
        answers: list[Answer] = []
        for source in SOURCES:
            answers.append(look_up(options.pip_audit, lock, source))
            if answers[-1].known and not answers[-1].unknown:
                break
        print(f"{lock}: {describe(answers)}")
        lines = sorted({line for answer in answers for line in answer.vulnerabilities})
        for line in lines:
            print(f"  {line}")
        is_complete = bool(answers[-1].known) and not answers[-1].unknown
        is_good = is_good and not lines and (is_complete or not options.strict)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
