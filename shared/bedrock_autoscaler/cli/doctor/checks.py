"""What a check of a deployed stack finds: how it stands, and the command against it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.text import Text

from bedrock_autoscaler.application.errors import AutoscalerError
from bedrock_autoscaler.cli.output import CommandError


class State(StrEnum):
    """How a thing stands.

    `GREEN`: as it should be. `YELLOW`: works, but something is missing for what is wanted, or
    could not be checked. `RED`: something that is wanted does not work.
    """

    GREEN = "GREEN"
    YELLOW = "YELLOW"
    RED = "RED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One finding.

    Attributes:
        about: what was looked at, such as `unit rate`.
        target: empty for the stack as a whole.
        remedy: a command, complete but for figures that only a person knows; empty when green.
    """

    about: str
    state: State
    message: str
    target: str = ""
    remedy: str = ""


_STYLES = {State.GREEN: "green", State.YELLOW: "yellow", State.RED: "red"}


def guarded(
    about: str, check: Callable[[], Iterator[Check]], *, target: str = "", remedy: str = ""
) -> Iterator[Check]:
    """The findings of a check; that it could not be made is one too."""
    try:
        yield from check()
    except (AutoscalerError, CommandError, BotoCoreError, ClientError) as error:
        yield Check(
            about=about,
            target=target,
            state=State.YELLOW,
            message=f"could not be checked: {' '.join(str(error).split())}",
            remedy=remedy,
        )


def to_documents(checks: Sequence[Check]) -> list[dict[str, object]]:
    """As JSON values."""
    return [asdict(check) for check in checks]


def print_checks(checks: Sequence[Check]) -> None:
    """Each finding on a line, its remedy below; then how many of each."""
    console = Console()
    subject = None
    for check in checks:
        if check.target != subject:
            subject = check.target
            console.print(Text(f"target {subject}" if subject else "the stack", style="bold"))
        line = Text(f"  {check.state.value:<6}  ", style=_STYLES[check.state])
        line.append(f"{check.about}: {check.message}", style="default")
        console.print(line, soft_wrap=True)
        if check.remedy:
            console.print(Text(f"          {check.remedy}", style="cyan"), soft_wrap=True)
    counts = {state: sum(check.state is state for check in checks) for state in State}
    console.print(", ".join(f"{number} {state.value}" for state, number in counts.items()))
