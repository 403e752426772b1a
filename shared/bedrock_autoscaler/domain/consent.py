"""Consents: what a person allows to be committed. Only a backtest acts on them."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bedrock_autoscaler.domain.target import Commitment


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
