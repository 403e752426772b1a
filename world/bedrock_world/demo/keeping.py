"""After the replay: the local account stays, and time passes when a person says so."""

from collections.abc import Callable, Iterable, Mapping

USUAL_MINUTES = 5
"""From one tick of the capacity loop to the next."""


def keep(
    say: Callable[[str], None],
    variables: Mapping[str, str],
    pass_minutes: Callable[[int], str],
    lines: Iterable[str],
) -> None:
    """Say how another terminal reaches the account, then let time pass until `lines` end.

    Args:
        say: shows a line.
        variables: environment of a terminal whose commands are to reach the account.
        pass_minutes: lets so many virtual minutes pass, and tells what it is then.
        lines: what is typed, each a number of minutes; an empty one stands for five.
    """
    say("")
    say("Everything keeps running. In another terminal, every command reaches it after:")
    for name, value in variables.items():
        say(f"  export {name}={value}")
    say("such as `bedrock-autoscaler status`, `doctor`, `settings set chat max_units=2`.")
    say(
        f"Time stands still. Here, Enter lets {USUAL_MINUTES} minutes of the same day's traffic "
        "pass, a number so many; Ctrl-C ends it all."
    )
    for line in lines:
        text = line.strip()
        if text and not text.isdecimal():
            say(f"{text!r} is no number of minutes")
            continue
        say(pass_minutes(int(text or USUAL_MINUTES)))
