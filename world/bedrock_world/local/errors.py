"""What can go wrong around the local AWS, in words for the person who started it."""


class LocalAwsError(Exception):
    """The emulator, the build or the deployment failed; the message ends with its last output."""


class FunctionFailedError(LocalAwsError):
    """A deployed function raised, ran out of time, or could not be started."""


def tail(text: str, lines: int = 25) -> str:
    """The last `lines` lines of `text`, indented, or a word that there are none."""
    kept = [line for line in text.splitlines() if line.strip()][-lines:]
    return "\n".join(f"    {line}" for line in kept) if kept else "    (no output)"
