"""Every row of the failure model names a test, and every test that it names exists."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "failure-model.md").read_text(encoding="utf-8")
ROWS = 54
ORACLES = 20
_ORACLE = re.compile(r"^\| ([OL]\d+)(\*?) \|", re.MULTILINE)
_ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
_NAMED = re.compile(r"`([\w/]+)::(\w+)`")
_DEFINED = re.compile(r"^\s*(?:async )?def test_(\w+)\(", re.MULTILINE)


def problems(page: str) -> Iterator[str]:
    """What is wrong with the page, by row."""
    rows = {int(number): (holds, shown) for number, _, holds, shown in _ROW.findall(page)}
    yield from (f"row {number} is absent" for number in range(1, ROWS + 1) if number not in rows)
    yield from (f"row {number} is none of the model's" for number in rows if number > ROWS)
    for number, (holds, shown) in rows.items():
        named = _NAMED.findall(shown)
        if not named or len(holds.split()) < 3:
            yield f"row {number} says too little or names no test"
        for file, test in named:
            if test not in _tests_of(file):
                yield f"row {number} names {file}::{test}, which does not exist"


def _tests_of(file: str) -> frozenset[str]:
    path = ROOT / "tests" / f"{file}.py"
    if not path.is_file():
        return frozenset()
    return frozenset(_DEFINED.findall(path.read_text(encoding="utf-8")))


def test_every_row_has_tests_that_exist() -> None:
    assert list(problems(PAGE)) == []


def test_no_row_stands_twice() -> None:
    numbers = [int(number) for number, *_ in _ROW.findall(PAGE)]

    assert numbers == list(range(1, ROWS + 1))


def test_every_oracle_that_a_person_is_told_is_explained() -> None:
    """`verify` prints an id alone; those that it never prints carry a star on the page."""
    explained = {name: not star for name, star in _ORACLE.findall(PAGE)}
    sources = (ROOT / "shared/bedrock_autoscaler/application/reviewing").glob("verifying*.py")
    told = {name for source in sources for name in re.findall(r'"(O\d+)"', source.read_text())}

    assert told == {name for name, is_told in explained.items() if is_told}
    assert len(explained) == ORACLES


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (r"^\| 11 \|.*\n", "row 11 is absent"),
        (r"(?<=^\| 11 \| Runaway \| )(.*) \| `.*(?= \|$)", "names no test"),
        (r"(?<=::)the_same_tick_twice_buys_once", "spoiled, which does not exist"),
        (r"contract/test_fleets(?=::)", "which does not exist"),
    ],
)
def test_the_check_turns_red(spoil: str, told: str) -> None:
    replacement = r"\1 | missing" if "Runaway" in spoil else ("" if "\\n" in spoil else "spoiled")

    spoiled = re.sub(spoil, replacement, PAGE, count=1, flags=re.MULTILINE)

    assert spoiled != PAGE
    assert any(told in problem for problem in problems(spoiled))
