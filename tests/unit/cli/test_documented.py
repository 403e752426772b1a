"""Every command that the documentation shows exists, with the options that it is shown with."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from bedrock_autoscaler.cli.app import PROGRAM, app

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINE = re.compile(rf"^\$ (?:\S*/)?{PROGRAM} ((?:.*\\\n)*.+)$", flags=re.MULTILINE)
INLINE = re.compile(rf"`{PROGRAM} ([^`]+)`")


def shown() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in [*LINE.finditer(text), *INLINE.finditer(text)]:
            command = " ".join(match.group(1).replace("\\\n", " ").split("#")[0].split())
            found.append((page.name, command))
    return found


@pytest.mark.parametrize(("page", "command"), shown(), ids=" ".join)
def test_a_documented_command_exists(page: str, command: str) -> None:
    node: Any = typer.main.get_command(app)
    words = [word for word in shlex.split(command) if word not in {"|", "\\"}]
    names: list[str] = []
    # `decisions list|show|replay` names three commands of one group.
    while words and hasattr(node, "commands") and "|" not in words[0]:
        name = words.pop(0)
        assert name in node.commands, f"{page}: {PROGRAM} {' '.join([*names, name])}"
        names.append(name)
        node = node.commands[name]
    if words and "|" in words[0] and hasattr(node, "commands"):
        assert set(words[0].split("|")) <= set(node.commands), f"{page}: {command}"
        return
    known = {option for parameter in node.params for option in parameter.opts}
    given = {word.split("=")[0] for word in words if word.startswith("--") and word != "--"}
    assert given - {"--help"} <= known, f"{page}: {command}"
