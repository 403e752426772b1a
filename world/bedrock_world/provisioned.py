"""A PT: what was bought, and the state it is in at any instant."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal


class Status(StrEnum):
    """The states AWS models; there is no Deleting."""

    CREATING = "Creating"
    IN_SERVICE = "InService"
    UPDATING = "Updating"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchasePlan:
    """What shall become of a purchase.

    Attributes:
        lead_time: instead of that of the settings.
        ending: `stuck` stays Creating for ever.
        vanish_after: counted from the purchase; the PT is then gone as if deleted.
    """

    lead_time: timedelta | None = None
    ending: Literal["in_service", "failed", "stuck"] = "in_service"
    failure_message: str = "The Bedrock world was told to let this purchase fail."
    vanish_after: timedelta | None = None


@dataclass(slots=True, kw_only=True)
class ProvisionedModel:
    """One purchase.

    Attributes:
        rank: orders purchases by their time.
        purchase_id: the model id that price and unit rate go by: a base model's PT id.
        base_id: the bare id of the base model.
        term: length of the commitment; None without one.
        ready_at, failed_at, gone_at: None when that never happens.
    """

    rank: str
    arn: str
    name: str
    model_arn: str
    foundation_model_arn: str
    purchase_id: str
    base_id: str
    units: int
    is_custom: bool
    commitment: str | None
    term: timedelta | None
    created_at: datetime
    modified_at: datetime
    ready_at: datetime | None
    failed_at: datetime | None = None
    failure_message: str = ""
    gone_at: datetime | None = None
    desired_model_arn: str = ""
    updated_at: datetime | None = None

    def __post_init__(self) -> None:
        self.desired_model_arn = self.desired_model_arn or self.model_arn

    @property
    def id(self) -> str:
        """The last segment of the ARN."""
        return self.arn.rsplit("/", 1)[-1]

    def exists(self, at: datetime) -> bool:
        """Whether it was bought and is not gone."""
        return self.created_at <= at and (self.gone_at is None or at < self.gone_at)

    def status(self, at: datetime) -> Status:
        """Its state at an instant at which it exists."""
        if self.failed_at is not None and at >= self.failed_at:
            return Status.FAILED
        if self.ready_at is None or at < self.ready_at:
            return Status.CREATING
        if self.updated_at is not None and at < self.updated_at:
            return Status.UPDATING
        return Status.IN_SERVICE

    def serves(self, at: datetime) -> bool:
        """Whether it answers calls; it does while Updating."""
        return self.exists(at) and self.status(at) in {Status.IN_SERVICE, Status.UPDATING}

    def settle(self, at: datetime) -> None:
        """Finish an update whose time has come."""
        if self.updated_at is not None and at >= self.updated_at:
            self.model_arn = self.desired_model_arn
            self.modified_at = self.updated_at
            self.updated_at = None

    def changed_at(self, at: datetime) -> datetime:
        """When it last changed, transitions included."""
        changes = [
            self.created_at,
            self.modified_at,
            self.ready_at,
            self.failed_at,
            self.updated_at,
        ]
        return max(change for change in changes if change is not None and change <= at)

    def term_end(self, at: datetime) -> datetime | None:
        """The end of the term that runs at an instant; terms renew without end."""
        if self.term is None:
            return None
        terms = (at - self.created_at) // self.term
        return self.created_at + (terms + 1) * self.term

    def is_locked(
        self, at: datetime, renewed_term: Literal["locked", "open"], window: timedelta
    ) -> bool:
        """Whether a commitment forbids deletion.

        A renewed term locks as `renewed_term` says, but not within `window` of its start.
        """
        if self.term is None or self.status(at) is Status.FAILED:
            return False
        terms = (at - self.created_at) // self.term
        if terms == 0:
            return True
        if renewed_term == "open":
            return False
        return at - (self.created_at + terms * self.term) >= window
