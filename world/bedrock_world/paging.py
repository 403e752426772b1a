"""Pages of a list, continued by rank, so that items that come or go in between do no harm."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass


class BadTokenError(Exception):
    """A continuation token that no list gave out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page[Item]:
    """Some items and, when there are more, the token for the rest."""

    items: tuple[Item, ...]
    next_token: str | None


def page[Item](
    ranked: Sequence[tuple[str, Item]],
    size: int,
    token: str | None,
    *,
    of: str,
    descending: bool = False,
) -> Page[Item]:
    """The next `size` items of `ranked`, which is sorted by its unique ranks.

    `of` is the operation: no other takes its tokens.

    Raises:
        BadTokenError: `token` is none of this operation's.
    """
    left = list(ranked)
    if token:
        last = _decode(token, of)
        left = [row for row in ranked if (row[0] < last if descending else row[0] > last)]
    chosen = left[:size]
    more = len(left) > size
    return Page(
        items=tuple(item for _, item in chosen),
        next_token=_encode(chosen[-1][0], of) if more else None,
    )


def _decode(token: str, of: str) -> str:
    try:
        operation, _, rank = base64.b64decode(token, validate=True).decode().partition(" ")
    except ValueError as error:
        raise BadTokenError(token) from error
    if operation != of:
        raise BadTokenError(token)
    return rank


def _encode(rank: str, of: str) -> str:
    return base64.b64encode(f"{of} {rank}".encode()).decode()
