"""An SDK client whose calls fail on demand, before or after their effect."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

NO_ANSWER = ReadTimeoutError(endpoint_url="loopback")


def refusal(code: str) -> ClientError:
    """AWS's answer with this error code."""
    return ClientError({"Error": {"Code": code, "Message": "secret"}}, "Operation")


class FaultyClient:
    """Passes calls on to `client`; keeps their names in `calls` and their arguments in `sent`."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._before: dict[str, list[Exception]] = defaultdict(list)
        self._after: dict[str, list[Exception]] = defaultdict(list)
        self.calls: list[str] = []
        self.sent: list[dict[str, Any]] = []

    def fail_next(
        self, error: Exception, *, method: str, after_effect: bool = False, times: int = 1
    ) -> None:
        """Let the next calls of `method` raise."""
        (self._after if after_effect else self._before)[method] += [error] * times

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            self.calls.append(method)
            self.sent.append(arguments)
            if self._before[method]:
                raise self._before[method].pop(0)
            answer = getattr(self._client, method)(**arguments)
            if self._after[method]:
                raise self._after[method].pop(0)
            return answer

        return call
