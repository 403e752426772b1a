"""Faults on demand, for fakes that stand for a remote service."""

from collections import defaultdict


class Failures:
    """A mix-in: `fail_next` lets the next call of a method raise.

    Faults queue up per method. A fault `after_effect` strikes when the call has done its work,
    as a lost answer does.
    """

    def __init__(self) -> None:
        self._before: dict[str, list[Exception]] = defaultdict(list)
        self._after: dict[str, list[Exception]] = defaultdict(list)

    def fail_next(self, error: Exception, *, method: str, after_effect: bool = False) -> None:
        """Let the next call of `method` raise `error`."""
        if not callable(getattr(self, method, None)):
            raise TypeError(f"{type(self).__name__} has no method {method!r} that could fail")
        (self._after if after_effect else self._before)[method].append(error)

    def _begin(self, method: str) -> None:
        _raise_first(self._before[method])

    def _end(self, method: str) -> None:
        _raise_first(self._after[method])


def _raise_first(errors: list[Exception]) -> None:
    if errors:
        raise errors.pop(0)
