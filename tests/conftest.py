"""What all tests share: what a process would read or build again and again is made once."""

import gc
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec

import botocore.session
import pytest

# Collections are seldom, as moto and boto3 leave a large heap.
gc.set_threshold(100_000, 50, 100)


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
            import typer.main  # noqa: PLC0415 - as said above

            patch.setattr("typer.main.get_command", cache(typer.main.get_command))
        yield
