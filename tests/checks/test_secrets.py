"""`make secrets` finds a credential, and takes the values that stand in for one as they are."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Put together here, or the scan of this repository would find it.
PLANTED = "wJalrXUtnFEMI" + "K7MDENGbPxRfiCYEXAMPLEKEY"
FAKE = re.search(r"^FAKE_SECRETS := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)


def _scan(path: Path) -> subprocess.CompletedProcess[str]:
    """As the Makefile runs it, on one file."""
    assert FAKE is not None
    pattern = FAKE[1].replace("$$", "$")
    hook = ROOT / ".tools" / "bin" / "detect-secrets-hook"
    return subprocess.run(
        [hook, "--no-verify", "--exclude-secrets", pattern, path],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('aws_secret_access_key = "testing"', 0),
        (f'aws_secret_access_key = "{PLANTED}"', 1),
        ("-----BEGIN RSA " + "PRIVATE KEY-----", 1),
        ("AKIA" + "IOSFODNN7EXAMPLQ", 1),
    ],
)
def test_credentials_turn_the_scan_red(tmp_path: Path, text: str, code: int) -> None:
    path = tmp_path / "settings.py"
    path.write_text(f"{text}\n", encoding="utf-8")

    assert _scan(path).returncode == code
