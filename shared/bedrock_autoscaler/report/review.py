"""The review page: one HTML file that carries its data, its charts and its script within itself."""

import json
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files

from bedrock_autoscaler.domain.decision import Verdict
from bedrock_autoscaler.report.payload import BLOCK, CODES, KINDS, LOOPS, SERIES, Json, Payload
from bedrock_autoscaler.report.reasons import reason_help

_STYLES = ("vendor/uPlot.min.css", "assets/page.css")
_SCRIPTS = (
    "vendor/uPlot.iife.min.js",
    "assets/data.js",
    "assets/strip.js",
    "assets/charts.js",
    "assets/list.js",
    "assets/evidence.js",
    "assets/ledger.js",
    "assets/page.js",
    "assets/main.js",
)
_PLACE = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a review says of itself.

    Attributes:
        made: a sentence on what it was made of, and when.
        place: options of the commands that it names, such as `--stack NAME`.
        version: changes when its data do.
        every_seconds: how often a live page looks for a newer version; 0: it is not live.
    """

    title: str
    made: str
    place: str
    version: str = ""
    every_seconds: int = 0


def review_page(head: Head, payloads: Sequence[Payload]) -> str:
    """The whole document with its data; opens without any network."""
    parts = {"review": json.dumps(review_of(head, payloads)).replace("<", "\\u003c")}
    for number, payload in enumerate(payloads):
        parts |= packed_parts(number, payload)
    return _document(head, parts, live=False)


def live_page(head: Head) -> str:
    """The same document without data: it asks its own server for them."""
    parts = {"review": json.dumps({"live": True})}
    return _document(head, parts, live=True)


def review_of(head: Head, payloads: Sequence[Payload]) -> dict[str, Json]:
    """What is read first: the words of all targets, and the head of each."""
    return {
        "live": head.every_seconds > 0,
        "every": head.every_seconds,
        "version": head.version,
        "made": head.made,
        "place": head.place,
        "block": BLOCK,
        "series": SERIES,
        "codes": CODES,
        "kinds": KINDS,
        "loops": LOOPS,
        "verdicts": [verdict.value for verdict in Verdict],
        "reasons": {
            code: [row.section, row.meaning, row.remedy] for code, row in reason_help().items()
        },
        "targets": [payload.head for payload in payloads],
    }


def packed_parts(number: int, payload: Payload) -> dict[str, str]:
    """The parts of one target by the name under which the page asks for them."""
    evidence = {f"evidence-{number}-{block}": text for block, text in enumerate(payload.evidence)}
    return {
        f"series-{number}": payload.series,
        f"decisions-{number}": payload.decisions,
        **evidence,
    }


def _document(head: Head, parts: Mapping[str, str], *, live: bool) -> str:
    style, script = _joined(_STYLES), _joined(_SCRIPTS)
    elements = [
        f'<script type="{_media_type(name)}" id="{name}">{text}</script>'
        for name, text in parts.items()
    ]
    values = {
        "policy": _policy(style, script, live=live),
        "title": escape(head.title),
        "style": style,
        "data": "\n".join(elements),
        "script": script,
    }
    return _PLACE.sub(lambda match: values[match[1]], _text("assets/page.html"))


def _media_type(name: str) -> str:
    """Neither is carried out as a script."""
    return "application/json" if name == "review" else "text/plain"


def _policy(style: str, script: str, *, live: bool) -> str:
    """Only this very style and script; no address but a live page's own server."""
    source = "'self'" if live else "'none'"
    return (
        f"default-src 'none'; script-src 'sha256-{_hash(script)}'; "
        f"style-src 'sha256-{_hash(style)}'; connect-src {source}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode("ascii")


@cache
def _joined(names: tuple[str, ...]) -> str:
    return "\n".join(map(_text, names))


@cache
def _text(name: str) -> str:
    return files("bedrock_autoscaler.report").joinpath(name).read_text(encoding="utf-8")
