"""What `verify` finds: a promise that was broken, or something that a person should know."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What a finding is."""

    VIOLATION = "violation"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found.

    Attributes:
        oracle: its id in the failure model, such as `O1`.
    """

    oracle: str
    severity: Severity
    target: str
    message: str


def violation(oracle: str, target: str, message: str) -> Finding:
    """A promise was broken."""
    return Finding(oracle=oracle, severity=Severity.VIOLATION, target=target, message=message)


def notice(oracle: str, target: str, message: str) -> Finding:
    """A person should know."""
    return Finding(oracle=oracle, severity=Severity.NOTICE, target=target, message=message)
