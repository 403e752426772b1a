"""Each option has a row on docs/options.md, and each row its test."""

import re
from pathlib import Path

from bedrock_autoscaler.domain.target import OptionKind

HERE = Path(__file__).parent


def test_the_page_has_a_row_and_a_test_for_each_option() -> None:
    page = (HERE.parents[1] / "docs" / "options.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", page))

    modules = [path.read_text(encoding="utf-8") for path in HERE.glob("test_options*.py")]
    tests = {
        name for text in modules for name in re.findall(r"^def (test_\w+)\(", text, re.MULTILINE)
    }
    assert named
    assert named <= tests
    kinds = {kind.value for kind in OptionKind} - {"other"}
    assert kinds <= set(re.findall(r"`(\w+)`", page))
