"""What all tests share: seldom garbage collections, as moto and boto3 leave a large heap."""

import gc

import pytest

gc.set_threshold(100_000, 50, 100)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave out of every later collection what was made until here."""
    del session
    gc.freeze()
