"""Says at the end of a test run what was simulated in it."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.simulation.volume import few_collections

type Tell = Callable[[str], None]

_TOLD = "simulated"


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """A line for the end of the run."""
    return partial(record_property, _TOLD)


@pytest.fixture(autouse=True)
def seldom_collected() -> Iterator[None]:
    with few_collections():
        yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = [
        str(value)
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if name == _TOLD
    ]
    if lines:
        terminalreporter.section("simulated faults")
        for line in sorted(lines):
            terminalreporter.write_line(line)
