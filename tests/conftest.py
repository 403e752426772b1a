"""What all tests share: what a process would read or build again and again is made once."""

import gc
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec

import botocore.session
import pytest

if find_spec("hypothesis"):  # the environment beside the gateways has none
    from hypothesis import settings

    # The same examples everywhere, however slow the machine is; `make soak-tests` draws new ones.
    settings.load_profile("ci")

# Collections are seldom, as moto and boto3 leave a large heap.
gc.set_threshold(100_000, 50, 100)

SIMULATED = "simulated"
"""Under this name a test tells how much it simulated, for the end of the run."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one worker run all tests that share what their module makes once."""
    for item in items:
        if isinstance(item, pytest.Function) and not item.get_closest_marker("xdist_group"):
            used = item._fixtureinfo.name2fixturedefs.values()
            if any(fixture.scope == "module" for found in used for fixture in found):
                item.add_marker(pytest.mark.xdist_group(item.path.stem))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave out of every later collection what was made until here."""
    del session
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _read_and_built_once() -> Iterator[None]:
    """Models of AWS's services, which each session would parse anew, and the tree of commands."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.session.create_loader", cache(botocore.session.create_loader))
        if find_spec("typer"):  # the environment beside the gateways has no command line
            import typer.main  # noqa: PLC0415 - it may be absent

            patch.setattr("typer.main.get_command", cache(typer.main.get_command))
        yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was simulated: here, since only this file is read where workers run the tests."""
    lines = [
        str(value)
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, value in report.user_properties
        if name == SIMULATED
    ]
    if lines:
        terminalreporter.section("simulated faults")
        for line in sorted(lines):
            terminalreporter.write_line(line)
