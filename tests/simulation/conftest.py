"""What the tests of the simulation share."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from tests.conftest import SIMULATED
from tests.simulation.volume import few_collections

type Tell = Callable[[str], None]


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """A line for the end of the run."""
    return partial(record_property, SIMULATED)


@pytest.fixture(autouse=True)
def seldom_collected() -> Iterator[None]:
    with few_collections():
        yield
