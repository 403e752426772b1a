"""Client request tokens: a call repeated with its token has no second effect."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bedrock_world.errors import validation
from bedrock_world.settings import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class _Use:
    at: datetime
    request: str
    answer: dict[str, Any]


class TokenMemory:
    """The tokens used so far, per operation, with what was answered."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._uses: dict[tuple[str, str], _Use] = {}

    def replay(
        self, operation: str, params: Mapping[str, Any], now: datetime
    ) -> dict[str, Any] | None:
        """The earlier answer when this call's token is known and alive; None for a new call.

        Raises:
            BedrockError: the settings let replays, or replays with other parameters, fail.
        """
        settings = self._config.current
        use = self._uses.get((operation, params.get("clientRequestToken", "")))
        if use is None or now - use.at >= settings.token_lifetime:
            return None
        if use.request != _fingerprint(params) and settings.changed_replay != "ignored":
            raise validation("The client request token was used before with other parameters.")
        if settings.equal_replay != "first_answer":
            raise validation("The client request token was used before.")
        return dict(use.answer)

    def remember(
        self, operation: str, params: Mapping[str, Any], answer: dict[str, Any], now: datetime
    ) -> None:
        """Keep the answer of a call that took effect."""
        token = params.get("clientRequestToken")
        if token:
            use = _Use(at=now, request=_fingerprint(params), answer=dict(answer))
            self._uses[operation, token] = use


def _fingerprint(params: Mapping[str, Any]) -> str:
    return json.dumps(params, sort_keys=True, default=str)
