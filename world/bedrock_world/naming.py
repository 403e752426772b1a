"""ARNs, and ids that the seed decides."""

import hashlib
from collections import Counter

from bedrock_world.settings import Config

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


class Names:
    """Builds the ARNs of one account and Region and draws fresh ids."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._drawn: Counter[str] = Counter()

    def draw(self, kind: str) -> str:
        """A new 12-character id; the same seed draws the same ids in the same order."""
        self._drawn[kind] += 1
        text = f"{self._config.current.seed}/{kind}/{self._drawn[kind]}"
        digest = hashlib.sha256(text.encode()).digest()
        return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:12])

    def foundation_model(self, model_id: str, region: str | None = None) -> str:
        """The ARN of a base model, which has no account."""
        return (
            f"arn:aws:bedrock:{region or self._config.current.region}::foundation-model/{model_id}"
        )

    def bare(self, identifier: str) -> str:
        """The model id of a foundation-model ARN of this Region; anything else as it is."""
        return identifier.removeprefix(self.foundation_model(""))

    def owned(self, kind: str, name: str) -> str:
        """The ARN of a resource of this account."""
        settings = self._config.current
        return f"arn:aws:bedrock:{settings.region}:{settings.account_id}:{kind}/{name}"
