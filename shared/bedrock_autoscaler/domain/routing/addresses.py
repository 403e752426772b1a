"""What an address on Bedrock gives away: its geography, its account, and what it produces."""

import re
from typing import NamedTuple

_GEOGRAPHY = re.compile(r"^(global|apac|us-gov|[a-z]{2}(?:-[a-z]+)?)\.")
_PRODUCES_NO_TOKENS = re.compile(
    r"nova-canvas|nova-reel|titan-image-generator|stability\.|stable-|luma\."
)
_NAMES_A_MODEL = re.compile(r":(?:foundation-model|inference-profile)/")
_ARN_PARTS = 6


class Place(NamedTuple):
    """Region and account of an ARN; an empty one does not bind."""

    region: str
    account: str


def bare_id(address: str) -> str:
    """The id at the end of an ARN, or the address itself."""
    return address.rsplit("/", maxsplit=1)[-1]


def geography_of(address: str) -> str | None:
    """`us`, `eu`, `apac`, ... or `global` of a profile id; None where the address has none.

    No model provider has a name of two letters, so that an unknown geography is seen as one.
    """
    match = _GEOGRAPHY.match(bare_id(address))
    return match.group(1) if match else None


def is_application_profile(address: str) -> bool:
    """Whether the address is an application profile, whose id says nothing of its source."""
    return ":application-inference-profile/" in address


def place_of(address: str) -> Place | None:
    """Where an ARN points; None for a plain id."""
    if not address.startswith("arn:"):
        return None
    parts = address.split(":", maxsplit=_ARN_PARTS - 1)
    return Place(parts[3], parts[4]) if len(parts) == _ARN_PARTS else Place("?", "?")


def produces_no_tokens(address: str) -> bool:
    """Whether the address names an image or video model, which is billed by what it draws."""
    return _PRODUCES_NO_TOKENS.search(bare_id(address)) is not None


def model_of(address: str) -> str | None:
    """The model that an address names, without its version's context length: `amazon.nova-lite-v1`.

    A custom model is one of its own. None where the address does not tell: an application
    profile, a deployment, an imported model, an endpoint, a router.
    """
    if ":custom-model/" in address:
        return address
    if address.startswith("arn:") and not _NAMES_A_MODEL.search(address):
        return None
    return _GEOGRAPHY.sub("", bare_id(address)).split(":", maxsplit=1)[0]
