"""What each reason code means and what to do about it, from the page that people read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_HEADING = "## "
_ROW = re.compile(r"\| `([a-z_]+)` \| (.+) \| (.+) \|")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonHelp:
    """One row of the page.

    Attributes:
        section: heading above it, such as `What holds a release`.
        meaning: one or two sentences.
        remedy: what a person can do; `Nothing.` where nothing is needed.
    """

    code: str
    section: str
    meaning: str
    remedy: str


@cache
def reason_help() -> Mapping[str, ReasonHelp]:
    """Every row of docs/reasons.md by its code, in the order of the page."""
    # A link to the page in docs: the package and its readers have one text.
    page = files("bedrock_autoscaler.report").joinpath("reasons.md").read_text(encoding="utf-8")
    return parse_page(page)


def parse_page(page: str) -> dict[str, ReasonHelp]:
    """The rows of such a page by their code."""
    found: dict[str, ReasonHelp] = {}
    section = ""
    for line in page.splitlines():
        if line.startswith(_HEADING):
            section = line.removeprefix(_HEADING)
        match = _ROW.fullmatch(line)
        if match:
            code, meaning, remedy = match.groups()
            found[code] = ReasonHelp(code=code, section=section, meaning=meaning, remedy=remedy)
    return found
