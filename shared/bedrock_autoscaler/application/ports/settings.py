"""What persons set: documents, the last good ones, the kill switch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from bedrock_autoscaler.domain.target import StackRails, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsProblem:
    """A document that was not accepted, and why.

    Attributes:
        document: its name: a target, `defaults` or `stack`.
        field: path of the field inside it, empty for the whole document.
        message: what is wrong and what is allowed.
    """

    document: str
    field: str
    message: str

    @property
    def text(self) -> str:
        """Field and message."""
        return f"{self.field}: {self.message}" if self.field else self.message


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One snapshot of the settings, last good documents in place of invalid ones.

    Attributes:
        stack: the caps on all targets together; None while no document sets them.
    """

    targets: tuple[Target, ...]
    problems: tuple[SettingsProblem, ...]
    stack: StackRails | None = None

    @property
    def rails(self) -> StackRails:
        """The caps on all targets together: those set, or what the targets may hold together."""
        each = [target.guard_rails for target in self.targets]
        return self.stack or StackRails(
            max_units=sum(rails.max_units for rails in each),
            max_usd_per_hour=sum((rails.max_usd_per_hour for rails in each), Decimal(0)),
            max_usd_per_day=sum((rails.max_usd_per_day for rails in each), Decimal(0)),
            max_usd_per_month=sum((rails.max_usd_per_month for rails in each), Decimal(0)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """The settings documents as they were read.

    Attributes:
        texts: by document name: `defaults`, `stack` (absent when there is none), each target's.
        changed_at: when each was written last. Its version number would begin anew with a document
            that is deleted and made again.
    """

    texts: Mapping[str, str]
    changed_at: Mapping[str, datetime] = field(default_factory=dict)


class Parameters(Protocol):
    """The settings documents in Parameter Store, as text."""

    def documents(self) -> Documents:
        """All of them.

        Raises:
            ObservationError: the documents could not be read, or not to the last page.
        """


class DocumentParser(Protocol):
    """Turns the texts of one target into its policy; pure."""

    def parse(self, name: str, defaults: str | None, text: str) -> "Target | SettingsProblem":
        """The target from shipped defaults, `defaults` and `text`, or the first problem."""

    def check_defaults(self, text: str) -> SettingsProblem | None:
        """What is wrong with a document of defaults; None when nothing is."""

    def parse_stack(self, text: str) -> "StackRails | SettingsProblem":
        """The caps on all targets together, or the first problem."""


class LastGood(Protocol):
    """The newest accepted text of each document, which outlives a later invalid one."""

    def get(self, name: str) -> str | None:
        """The last accepted text; None when there was none."""

    def texts(self) -> Mapping[str, str]:
        """The last accepted text of each document, without those that only newer code can read.

        Raises:
            ObservationError: they could not be read.
        """

    def put(self, name: str, text: str, changed_at: Sequence[datetime]) -> None:
        """Keep `text` as the last accepted one, unless what is kept was changed later.

        A run that was overtaken so leaves what is newer as it is.

        Args:
            name: of the document.
            text: as accepted.
            changed_at: when the documents that it comes of were written, the newest first.

        Raises:
            NewerRecordError: only newer code can read what is kept.
            ObservationError: it could not be written.
            UnknownOutcomeError: the write may have taken effect.
        """


class Switch(Protocol):
    """The kill switch parameter: only the exact value `allow` permits action.

    A missing, unreadable, blank or misspelled value means no action.
    """

    def allows_action(self, target: str) -> bool:
        """Whether mutating calls for this target may start now. Reads afresh each time."""
