"""Each command that a message tells is one of the command line's, with its options."""

import re
import shlex
from collections.abc import Iterator

import pytest
import typer

from bedrock_autoscaler.application.telling.messages import message_on_alarm, message_on_request
from bedrock_autoscaler.application.telling.remedies import REMEDIES, commands_of, remedy_of
from bedrock_autoscaler.cli.app import app
from tests.unit.application.test_asking import ASKED

ROOT = typer.main.get_command(app)


def commands() -> Iterator[str]:
    """All lines that some message tells."""
    for remedy in REMEDIES.values():
        yield from commands_of(remedy, "chat", "prod")
    for body in (
        message_on_request(ASKED, "prod").body,
        message_on_alarm("never heard of", "", ["text"], "prod").body,
    ):
        yield from (line.strip() for line in body.splitlines() if "bedrock-autoscaler " in line)


def runs(line: str) -> bool:
    """Whether the command line takes these words; nothing is carried out."""
    program, *words = shlex.split(line)
    assert program == "bedrock-autoscaler"
    command, context = ROOT, typer.Context(ROOT)
    while hasattr(command, "resolve_command"):
        _, found, words = command.resolve_command(context, words)
        assert found is not None
        command = found
    return bool(command.make_context(line, list(words)).params)


@pytest.mark.parametrize("line", sorted(set(commands())))
def test_a_command_that_is_told_can_be_run(line: str) -> None:
    assert runs(line)


def test_each_alarm_that_the_code_raises_has_a_remedy() -> None:
    from tests.deployment.test_alarms import _raised  # noqa: PLC0415 - parses the whole package

    names = {name for name in _raised() if re.fullmatch(r"[a-z]+(_[a-z]+)*", name)}

    # The same search finds words of sentences that stand beside a finding's name.
    assert names - REMEDIES.keys() == {"breaker", "fleet", "next", "routes", "spend"}
    assert REMEDIES.keys() - names == set()


def test_an_alarm_without_a_remedy_gets_a_general_look() -> None:
    assert remedy_of("new").commands == ("verify --stack {stack}",)


def test_a_target_that_is_unknown_is_left_to_the_reader() -> None:
    (line, *_) = commands_of(REMEDIES["settings_rejected"], "", "prod")[1:]

    assert line == "bedrock-autoscaler settings history TARGET --stack prod"
