"""What a place's observations keep: so old, so many, and shared where it is the same everywhere."""

from collections.abc import Callable

from bedrock_autoscaler.application.observing.keeping import Keepsakes, Kept
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW
from tests.recorded import build_purchase


def reading(said: list[str], key: str) -> Callable[[], str]:
    """Reads a key and notes it."""

    def read() -> str:
        said.append(key)
        return key.upper()

    return read


def test_what_was_read_first_makes_room_and_costs_a_read() -> None:
    kept, said = Kept[str, str](5 * MINUTE, most=2), list[str]()
    for key in "abcba":
        assert kept.get(key, NOW, reading(said, key)) == key.upper()

    # c takes the place of a, which then takes that of b.
    assert said == ["a", "b", "c", "a"]


def test_what_is_read_again_is_the_newest() -> None:
    kept, said = Kept[str, str](5 * MINUTE, most=2), list[str]()
    for key, minutes in (("a", 0), ("b", 1), ("a", 5), ("c", 5), ("a", 5)):
        kept.get(key, NOW + minutes * MINUTE, reading(said, key))

    assert said == ["a", "b", "a", "c"]


def test_places_have_their_neighbours_in_common_and_nothing_else() -> None:
    home = Keepsakes()
    purchases = (build_purchase(),)
    home.neighbours.get("chat", NOW, lambda: purchases)
    home.models.get("model", NOW, lambda: (True, 1))

    other = home.elsewhere()

    assert other.neighbours.get("chat", NOW, tuple) == purchases
    assert other.models.get("model", NOW, lambda: (False, 2)) == (False, 2)
