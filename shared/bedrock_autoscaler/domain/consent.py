"""Consents: what a person allows to be bought; nothing else can express a commitment."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bedrock_autoscaler.domain.target import Commitment

REJECTED = "rejected"
"""What uses up a consent that a person refused: no decision has this id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One commitment that may be bought once.

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

    @property
    def is_open(self) -> bool:
        """Whether it is neither used nor rejected; it may have expired."""
        return self.used_by is None
