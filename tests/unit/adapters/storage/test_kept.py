"""What a process remembers stays within its bytes, whatever passes through it."""

import gc
import tracemalloc

from bedrock_autoscaler.adapters.storage.kept import Kept

ENTRY = 600
"""Bytes that an entry counts besides its content."""


def kept_of(entries: int, content: int = 400) -> Kept[str, bytes]:
    """Room for so many contents of this size."""
    return Kept(entries * (content + ENTRY), len)


def test_the_longest_unused_goes_first() -> None:
    kept = kept_of(2)
    kept.add("a", bytes(400))
    kept.add("b", bytes(400))

    kept.get("a")
    kept.add("c", bytes(400))

    assert [key for key in "abc" if key in kept] == ["a", "c"]
    assert kept.get("b") is None


def test_a_content_in_place_of_another_counts_once() -> None:
    kept = kept_of(2)
    for _ in range(5):
        kept.add("a", bytes(400))
    kept.add("b", bytes(400))

    assert "a" in kept
    assert "b" in kept


def test_a_content_without_room_is_not_kept_and_leaves_room_for_others() -> None:
    kept = kept_of(1)
    kept.add("a", bytes(401))
    kept.add("b", bytes(400))

    assert [key for key in "ab" if key in kept] == ["b"]


def test_ten_times_as_many_contents_take_no_more_memory_than_was_allowed() -> None:
    most_bytes = 500_000
    kept: Kept[tuple[str, int], bytes] = Kept(most_bytes, len)
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(5_000):
            kept.add((f"target-{number}", number), bytes(500 + number % 7))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert 0.5 * most_bytes < taken <= most_bytes
