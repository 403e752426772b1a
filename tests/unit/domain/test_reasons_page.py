"""The page on reasons lists what the code knows, and the golden table shows each at work."""

import re
import tomllib
from pathlib import Path

from bedrock_autoscaler.domain.reason import ReasonCode

ROOT = Path(__file__).parents[3]
ROWS = re.findall(
    r"^\| `([a-z_]+)` \| (.+) \| (.+) \|$",
    (ROOT / "docs" / "reasons.md").read_text(encoding="utf-8"),
    flags=re.MULTILINE,
)


def test_code_and_page_list_the_same_reasons() -> None:
    listed = [code for code, _, _ in ROWS]

    assert sorted(listed) == sorted(code.value for code in ReasonCode)


def test_each_reason_says_what_it_means_and_what_to_do() -> None:
    assert all(len(meaning) > 20 and todo.endswith(".") for _, meaning, todo in ROWS)


def test_each_reason_is_given_by_a_row_of_the_golden_table() -> None:
    given = {
        reason
        for name in ("decision", "option")
        for row in tomllib.loads(
            (ROOT / "tests" / "golden" / f"{name}s.toml").read_text(encoding="utf-8")
        )[name]
        for reason in row["reasons"]
    }

    assert given == {code.value for code in ReasonCode}
