"""What a process remembers of the tables, within so many bytes whatever passes through it."""

from collections import OrderedDict
from collections.abc import Callable, Hashable

_OVERHEAD = 600
"""Bytes of an entry besides its content: key, object and place in the dictionary, measured."""


class Kept[Key: Hashable, Content]:
    """Contents by key; the longest unused go first.

    What is dropped must be there to be read again.

    Args:
        most_bytes: of all contents together.
        size: bytes of one.
    """

    def __init__(self, most_bytes: int, size: Callable[[Content], int]) -> None:
        self._most_bytes = most_bytes
        self._size = size
        self._bytes = 0
        self._kept: OrderedDict[Key, Content] = OrderedDict()

    def add(self, key: Key, content: Content) -> None:
        """Keep a content, in place of one with the same key."""
        before = self._kept.pop(key, None)
        self._bytes -= 0 if before is None else self._size(before) + _OVERHEAD
        self._kept[key] = content
        self._bytes += self._size(content) + _OVERHEAD
        while self._bytes > self._most_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= self._size(dropped) + _OVERHEAD

    def get(self, key: Key) -> Content | None:
        """The content; None when it is not kept."""
        content = self._kept.get(key)
        if content is not None:
            self._kept.move_to_end(key)
        return content

    def __contains__(self, key: Key) -> bool:
        """Whether it is kept; it counts as no use."""
        return key in self._kept
