"""Outlets and what persons were told, in memory."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from bedrock_autoscaler.application.telling.events import Announcement
from bedrock_autoscaler.application.telling.messages import Message
from tests.fakes.failures import Failures


class MemoryOutlets(Failures):
    """Keeps what was sent, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.announced: list[Announcement] = []
        self.messages: list[Message] = []

    def announce(self, announcements: Iterable[Announcement]) -> None:
        """Keep them."""
        self._begin("announce")
        self.announced += announcements
        self._end("announce")

    def tell(self, messages: Iterable[Message]) -> Iterator[Message]:
        """Keep each."""
        for message in messages:
            self._begin("tell")
            self.messages.append(message)
            self._end("tell")
            yield message


class MemoryTold(Failures):
    """Keeps what was told to whom."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[tuple[str, str], datetime] = {}

    def was_told(self, target: str, key: str) -> bool:
        """Whether it was marked."""
        self._begin("was_told")
        return (target, key) in self.keys

    def mark(self, target: str, key: str, at: datetime) -> None:
        """Mark it."""
        self._begin("mark")
        self.keys[target, key] = at
        self._end("mark")
