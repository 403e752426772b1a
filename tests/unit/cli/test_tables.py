import io

import pytest
from rich.console import Console

from bedrock_autoscaler.cli.app import run
from bedrock_autoscaler.cli.tables import print_table, widths

ROWS = [
    ("1,238,739", "units without commitment", "shipped list (likely): AWS Price List, as quoted"),
    ("10,000,000", "global profile", "USE1-Nova2.0Lite-ProvisionedThroughput-NoCommit"),
]


@pytest.mark.parametrize("width", [60, 80, 160])
def test_numbers_and_words_stay_whole(width: int) -> None:
    console = Console(file=io.StringIO(), width=width)

    print_table(console, ["tokens a minute", "way", "source"], ROWS)

    assert isinstance(console.file, io.StringIO)
    printed = console.file.getvalue()
    assert all(len(line) <= width for line in printed.splitlines())
    for word in ("1,238,739", "10,000,000", "commitment", "profile", "shipped", "(likely):"):
        assert word in printed.split()


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        (100, [10, 24, 48]),  # each as it likes
        (50, [10, 20, 20]),  # the longest words, ten and sixteen, and the rest evenly
        (20, [7, 7, 6]),  # too narrow for the words: the widest give way
    ],
)
def test_a_column_gets_its_longest_word_before_any_gets_its_text(
    room: int, expected: list[int]
) -> None:
    columns = list(zip(*ROWS, strict=True))

    assert sorted(widths(columns, room)) == sorted(expected)


def test_the_numbers_of_economics_fit_eighty_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    assert run(["economics", "amazon.nova-2-lite-v1:0", "--unit-rate", "2000000:500000"]) == 0

    words = capsys.readouterr().out.split()
    assert {"10,000,000", "1,238,739", "488.40", "commitment", "geographic", "global"} <= set(words)
