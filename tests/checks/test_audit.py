"""The audit of dependencies tells what was looked up from what was not."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.audit import main

LOCK = "requirements.txt"
SAFE = {"name": "numpy", "version": "2.5.5", "vulns": []}
VULNERABLE = {
    "name": "idna",
    "version": "3.6",
    "vulns": [{"id": "CVE-2024-3651", "fix_versions": ["3.7"], "aliases": [], "description": ""}],
}
UNKNOWN = {"name": "pydantic", "version": "2.14.3", "skip_reason": "not found"}

type Found = list[dict[str, Any]] | None


def stand_in(folder: Path, **found: Found) -> Path:
    """A pip-audit with a prepared report by source; None: the source does not answer."""
    (folder / "reports.json").write_text(json.dumps(found), encoding="utf-8")
    program = folder / "pip-audit"
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, pathlib, sys\n"
        "given = dict(zip(sys.argv[1:], sys.argv[2:]))\n"
        "reports = json.loads((pathlib.Path(__file__).parent / 'reports.json').read_text())\n"
        "found = reports[given['--vulnerability-service']]\n"
        "if found is None:\n"
        "    print('trying', 'ConnectionError: no route', sep='\\n', file=sys.stderr)\n"
        "    sys.exit(1)\n"
        "pathlib.Path(given['--output']).write_text(json.dumps({'dependencies': found}))\n"
        "sys.exit(any(each.get('vulns') for each in found))\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("pypi", "osv", "said", "code", "strict_code"),
    [
        pytest.param(
            [SAFE],
            None,
            "1 of 1 packages looked up (pypi); no known vulnerabilities",
            0,
            0,
            id="the first source knows all",
        ),
        pytest.param(
            [UNKNOWN],
            None,
            "not run, because no advisory source answered "
            "(pypi: knows none of 1 packages; osv: ConnectionError: no route)",
            0,
            1,
            id="no source knows any, though pip-audit calls it a success",
        ),
        pytest.param(
            None,
            [SAFE, UNKNOWN],
            "1 of 2 packages looked up (osv), no answer on pydantic; no known vulnerabilities",
            0,
            1,
            id="some are unknown",
        ),
        pytest.param(
            [SAFE, VULNERABLE],
            None,
            "2 of 2 packages looked up (pypi); 1 known vulnerability\n"
            "  idna 3.6: CVE-2024-3651, fixed in 3.7",
            1,
            1,
            id="one is vulnerable",
        ),
        pytest.param(
            [UNKNOWN, VULNERABLE],
            None,
            "1 of 2 packages looked up (pypi), no answer on pydantic; 1 known vulnerability\n"
            "  idna 3.6: CVE-2024-3651, fixed in 3.7",
            1,
            1,
            id="one is vulnerable and the second source is silent",
        ),
    ],
)
def test_audit_says_what_it_knows(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    pypi: Found,
    osv: Found,
    said: str,
    code: int,
    strict_code: int,
) -> None:
    program = ["--pip-audit", str(stand_in(tmp_path, pypi=pypi, osv=osv))]

    codes = main([*program, LOCK]), main(["--strict", *program, LOCK])

    assert codes == (code, strict_code)
    assert capsys.readouterr().out == 2 * f"{LOCK}: {said}\n"
