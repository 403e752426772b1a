"""What Converse asks of its messages beyond their shape."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from bedrock_world.errors import validation


def check_conversation(messages: Sequence[Mapping[str, Any]]) -> None:
    """Whether the user begins, roles take turns, and each message says something.

    Raises:
        BedrockError: it is no such conversation.
        KeyError: a message lacks its role or its content, as no shape has checked it.
    """
    if not messages:
        raise validation("A conversation must have at least one message.")
    roles = [message["role"] for message in messages]
    if roles[0] != "user":
        raise validation("A conversation must start with a user message.")
    if any(one == next_one for one, next_one in pairwise(roles)):
        raise validation("A conversation must alternate between user and assistant roles.")
    for index, message in enumerate(messages):
        _check_content(f"messages.{index}", message["content"])


def _check_content(path: str, content: Sequence[Mapping[str, Any]]) -> None:
    if not content:
        raise validation(f"The content field in the Message object at {path} is empty.")
    for index, block in enumerate(content):
        if not block.get("text", "other content").strip():
            raise validation(
                f"The text field in the ContentBlock object at {path}.content.{index} is blank."
            )
