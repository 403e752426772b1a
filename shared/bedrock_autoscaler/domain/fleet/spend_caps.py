"""The caps on what is booked in a UTC day and in a month, of a target or of the whole stack.

Source: docs/model.md, section "Spend".
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bedrock_autoscaler.domain.fleet.holdings import Spend
from bedrock_autoscaler.domain.target import GuardRails, StackRails

NEAR = Decimal("0.8")
"""Share of a cap from which a person is told, so that the cap itself is no surprise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendCap:
    """A cap on what is booked in the running UTC day or month.

    Attributes:
        span: `day` or `month`.
        booked: USD so far.
        usd: the cap.
    """

    span: str
    booked: Decimal
    usd: Decimal

    @property
    def setting(self) -> str:
        """The name of the cap in the settings."""
        return f"max_usd_per_{self.span}"

    @property
    def is_crossed(self) -> bool:
        """Whether more is booked than the cap allows."""
        return self.booked > self.usd

    @property
    def is_reached(self) -> bool:
        """Whether something is booked, and nothing more fits."""
        return 0 < self.booked >= self.usd

    @property
    def is_near(self) -> bool:
        """Whether something is booked, and four fifths of the cap are."""
        return 0 < self.booked >= NEAR * self.usd

    @property
    def told(self) -> str:
        """The cap of a target, in a sentence."""
        return f"{self.booked} USD are booked this {self.span}, {self.setting} is {self.usd}"

    @property
    def told_of_stack(self) -> str:
        """The cap of the stack, in a sentence."""
        booked = f"all targets have booked {self.booked} USD this {self.span}"
        return f"{booked}, the stack's {self.setting} is {self.usd}"

    def admits(self, more: Decimal) -> bool:
        """Whether so many USD more fit."""
        return self.booked + more <= self.usd

    def holds(self, moment: datetime) -> tuple[int, ...]:
        """The day or month that `moment` lies in."""
        month = (moment.year, moment.month)
        return (*month, moment.day) if self.span == "day" else month


def spend_caps(rails: GuardRails | StackRails, spend: Spend) -> tuple[SpendCap, SpendCap]:
    """The caps of the day and of the month."""
    return (
        SpendCap(span="day", booked=spend.day_usd, usd=rails.max_usd_per_day),
        SpendCap(span="month", booked=spend.month_usd, usd=rails.max_usd_per_month),
    )
