"""What all commands share: the choice of output, JSON on standard output, and their error."""

import json
import sys
from enum import StrEnum
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


def print_json(value: object) -> None:
    """Write one JSON document to standard output."""
    json.dump(value, sys.stdout, indent=2, allow_nan=False)
    sys.stdout.write("\n")
