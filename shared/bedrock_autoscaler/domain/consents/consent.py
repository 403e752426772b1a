"""Requests and consents: what a person is asked for, and allows to be bought.

Nothing else can express a commitment.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import usd

REJECTED = "rejected"
"""What uses up a consent that a person refused: no decision has this id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedConsent:
    """A person's word for one purchase, as it stands in the consents table.

    Attributes:
        id: of the request that it answers, or chosen by the person; a purchase names it.
        model_id: what is bought, as a purchase names it.
        units: model units, bought together or not at all.
        term: `NONE` for a purchase that is above the target's limit for approvals.
        max_usd_per_hour: highest price of one unit and hour that is agreed to.
        given_by: who gave it.
        valid_until: last moment at which it may be used.
        used_by: the decision that used it up, or `REJECTED`; None while it may be used.
        rejected_by: who said no, or took the consent back; None while nobody did.
        asked_at: of the request that it answers; None: not looked up.
    """

    id: str
    target: str
    model_id: str
    units: int
    term: Commitment
    max_usd_per_hour: Decimal
    given_by: str
    valid_until: datetime
    used_by: str | None = None
    used_at: datetime | None = None
    rejected_by: str | None = None
    rejected_at: datetime | None = None
    asked_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is neither used nor rejected; it may have expired."""
        return self.used_by is None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvanceConsent:
    """One commitment that a backtest may buy once, agreed to before it begins.

    Attributes:
        units: model units, bought together or not at all.
        term: `ONE_MONTH` or `SIX_MONTHS`.
        max_usd_per_hour: highest price of one unit and hour that is agreed to.
        valid_from, valid_until: when it may be used; None: no limit on that side.
    """

    units: int
    term: Commitment
    max_usd_per_hour: Decimal
    valid_from: datetime | None
    valid_until: datetime | None

    def is_valid(self, now: datetime) -> bool:
        """Whether it may be used at `now`."""
        has_begun = self.valid_from is None or self.valid_from <= now
        return has_begun and (self.valid_until is None or now <= self.valid_until)

    def recorded(self, id: str, name: str) -> RecordedConsent:  # noqa: A002 - as the field
        """The same as a person's word for a purchase of the target and model `name`."""
        return RecordedConsent(
            id=id,
            target=name,
            model_id=name,
            units=self.units,
            term=self.term,
            max_usd_per_hour=self.max_usd_per_hour,
            given_by="the settings",
            valid_until=self.valid_until or datetime.max.replace(tzinfo=UTC),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A purchase that waits for a person's word.

    Attributes:
        id: of the consent that answers it; one per target, term and week, or per target, size
            and day.
        term: `NONE` for a purchase above the limit for approvals.
        usd_per_hour: price of one unit and hour that was known when it was asked.
        evidence: the sentence that argues for it, with its dollars.
        expires_at: silence until then is a no.
    """

    id: str
    target: str
    model_id: str
    units: int
    term: Commitment
    usd_per_hour: Decimal
    evidence: str
    asked_at: datetime
    expires_at: datetime

    @property
    def usd_per_hour_in_all(self) -> Decimal:
        """Price of all its units for an hour."""
        return usd(self.usd_per_hour * self.units)
