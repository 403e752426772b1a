"""Settings documents, last good texts and the kill switch, in memory."""

from collections.abc import Mapping

from tests.fakes.failures import Failures


class MemoryParameters(Failures):
    """Parameter Store's documents; `texts` is theirs to edit."""

    def __init__(self, texts: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.texts = dict(texts or {})

    def documents(self) -> Mapping[str, str]:
        """A copy of the texts as they are now."""
        self._begin("documents")
        return dict(self.texts)


class MemoryLastGood(Failures):
    """The last accepted texts; `writes` counts the differences that were written."""

    def __init__(self) -> None:
        super().__init__()
        self._texts: dict[str, str] = {}
        self.writes = 0

    def get(self, name: str) -> str | None:
        """The last accepted text; None when there was none."""
        self._begin("get")
        return self._texts.get(name)

    def texts(self) -> Mapping[str, str]:
        """All of them."""
        self._begin("texts")
        return dict(self._texts)

    def put(self, name: str, text: str) -> None:
        """Keep `text`, unless it is what is kept."""
        self._begin("put")
        if self._texts.get(name) != text:
            self._texts[name] = text
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
