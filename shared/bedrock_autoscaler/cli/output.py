"""What all commands share: the choice of output, JSON on standard output, and their error."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Output(StrEnum):
    """How a command prints its result."""

    TABLE = "table"
    JSON = "json"


OutputOption = Annotated[
    Output, typer.Option("--output", help="A table for people, or JSON for programs.")
]


class CommandError(Exception):
    """A command cannot do what was asked; its text is one line for a person."""


def write_text(path: Path, text: str) -> None:
    """Write a file, and the folders above it.

    Raises:
        CommandError: it cannot be written.
    """
    with writing(path):
        path.write_text(text, encoding="utf-8")


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        CommandError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CommandError(f"{path}: cannot be read: the text is not UTF-8") from error
    except OSError as error:
        raise CommandError(f"{path}: cannot be read: {error.strerror or error}") from error


def refuse_source(option: str, out: Path, sources: Iterable[Path]) -> None:
    """Refuse to write over what is read, however the path is spelled.

    Args:
        option: that names the file to write.
        out: the file to write.
        sources: the files that are read.

    Raises:
        CommandError: it is one of them.
    """
    for source in sources:
        if source.exists() and out.exists() and out.samefile(source):
            raise CommandError(
                f"{option} {out} is {source}, which is read; name another file to write"
            )


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Make the folders above a file that is written meanwhile.

    Raises:
        CommandError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise CommandError(f"{path}: cannot be written: {error.strerror or error}") from error


def print_json(value: object) -> None:
    """Write one JSON document to standard output."""
    json.dump(value, sys.stdout, indent=2, allow_nan=False)
    sys.stdout.write("\n")
