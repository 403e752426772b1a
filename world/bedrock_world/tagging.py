"""Tags of the account's resources, visible a lag after they were set."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bedrock_world.clock import VirtualClock
from bedrock_world.errors import BedrockError, not_found, validation
from bedrock_world.settings import Config

if TYPE_CHECKING:
    from datetime import datetime

MOST_TAGS = 50


class Tags:
    """The tag operations over every taggable resource."""

    def __init__(self, config: Config, clock: VirtualClock) -> None:
        self._config = config
        self._clock = clock
        self._exists: list[Callable[[str], bool]] = []
        # Per ARN every state the tags were in, oldest first.
        self._states: dict[str, list[tuple[datetime, dict[str, str]]]] = {}

    def serve(self, exists: Callable[[str], bool]) -> None:
        """Accept the ARNs for which `exists` holds."""
        self._exists.append(exists)

    def put(self, arn: str, tags: Sequence[Mapping[str, str]]) -> None:
        """Add `tags` to those of `arn`.

        Raises:
            BedrockError: a key twice, a reserved key, or more than 50 tags on one resource.
        """
        merged = self._newest(arn) | check_tags(tags)
        if len(merged) > MOST_TAGS:
            raise _too_many(arn)
        self._states.setdefault(arn, []).append((self._clock.now(), merged))

    def tag_resource(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`TagResource`."""
        self.put(self._known(params), params["tags"])
        return {}

    def untag_resource(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`UntagResource`; keys that are not there are no error."""
        arn = self._known(params)
        kept = {k: v for k, v in self._newest(arn).items() if k not in params["tagKeys"]}
        self._states.setdefault(arn, []).append((self._clock.now(), kept))
        return {}

    def list_tags_for_resource(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`ListTagsForResource`, as the tags stood a `tag_lag` ago."""
        arn = self._known(params)
        shown: dict[str, str] = {}
        horizon = self._clock.now() - self._config.current.tag_lag
        for since, tags in self._states.get(arn, ()):
            if since <= horizon:
                shown = tags
        return {"tags": [{"key": key, "value": value} for key, value in shown.items()]}

    def _newest(self, arn: str) -> dict[str, str]:
        states = self._states.get(arn)
        return states[-1][1] if states else {}

    def _known(self, params: Mapping[str, Any]) -> str:
        arn: str = params["resourceARN"]
        if not any(exists(arn) for exists in self._exists):
            raise not_found(f"The resource {arn} was not found.")
        return arn


def check_tags(tags: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The tags as a mapping.

    Raises:
        BedrockError: a key twice, a reserved key, or more than 50 tags.
    """
    result = {tag["key"]: tag["value"] for tag in tags}
    if len(result) < len(tags):
        raise validation("A tag key is given more than once.")
    if any(key.lower().startswith("aws:") for key in result):
        raise validation("Tag keys cannot start with aws:, which is reserved.")
    if len(result) > MOST_TAGS:
        raise _too_many("the request")
    return result


def _too_many(subject: str) -> BedrockError:
    return BedrockError(
        "TooManyTagsException", f"A resource can have at most {MOST_TAGS} tags: {subject}"
    )
