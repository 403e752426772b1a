"""Settings documents, last good texts and the kill switch, in memory."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bedrock_autoscaler.application.ports.settings import Documents
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW
from tests.fakes.failures import Failures


class MemoryParameters(Failures):
    """Parameter Store's documents; `texts` is theirs to edit.

    What is new when it is read was written a minute after all that was read before.
    """

    def __init__(self, texts: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.texts = dict(texts or {})
        self._read = Documents(texts={})
        self._newest = NOW

    def documents(self) -> Documents:
        """A copy of the texts as they are now."""
        self._begin("documents")
        before, texts = self._read, dict(self.texts)
        self._newest += MINUTE
        changed_at = {
            name: before.changed_at[name] if before.texts.get(name) == text else self._newest
            for name, text in texts.items()
        }
        self._read = Documents(texts=texts, changed_at=changed_at)
        return self._read


class MemoryLastGood(Failures):
    """The last accepted texts; `writes` counts what was written."""

    def __init__(self) -> None:
        super().__init__()
        self._texts: dict[str, str] = {}
        self._changed_at: dict[str, Sequence[datetime]] = {}
        self.writes = 0

    def get(self, name: str) -> str | None:
        """The last accepted text; None when there was none."""
        self._begin("get")
        return self._texts.get(name)

    def texts(self) -> Mapping[str, str]:
        """All of them."""
        self._begin("texts")
        return dict(self._texts)

    def put(self, name: str, text: str, changed_at: Sequence[datetime]) -> None:
        """Keep `text`, unless what is kept was changed later."""
        self._begin("put")
        if tuple(self._changed_at.get(name, ())) <= tuple(changed_at):
            self._texts[name] = text
            self._changed_at[name] = changed_at
            self.writes += 1
        self._end("put")


class MemorySwitch:
    """The kill switch; without a value it permits nothing.

    Attributes:
        value: the parameter's value; None while the parameter is missing or unreadable.
        reads: how often it was looked at.
    """

    def __init__(self, value: str | None = None) -> None:
        self.value = value
        self.reads = 0
        self._flips: list[str | None] = []

    def allows_action(self, target: str) -> bool:
        """Whether the value is exactly `allow`."""
        self.reads += 1
        allowed = self.value == "allow"
        if self._flips:
            self.value = self._flips.pop(0)
        return allowed

    def then(self, *values: str | None) -> None:
        """After each of the next reads the value becomes the next of `values`."""
        self._flips += values
