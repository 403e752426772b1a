"""The section that a person sets by hand: pauses, change windows, overrides with an expiry."""

from typing import Self

from pydantic import Field, model_validator

from bedrock_autoscaler.adapters.documents.values import (
    Address,
    Identity,
    Moment,
    Section,
    conflict,
)
from bedrock_autoscaler.domain.acting.controls import (
    ChangeWindow,
    Controls,
    RouteOverride,
    UnitsOverride,
    parse_cron,
    zone_of,
)
from bedrock_autoscaler.domain.units import usd


class ChangeWindowDocument(Section):
    """A recurring span in which nothing is released; purchases go on."""

    cron: str = Field(
        min_length=9,
        max_length=100,
        description="Five fields (minute, hour, day of month, month, day of week) of its starts; "
        "each is *, or numbers, ranges and steps.",
    )
    minutes: int = Field(ge=1, le=10_080, description="Its length; a week at most.")
    zone: str = Field(
        default="UTC",
        min_length=1,
        max_length=64,
        description="IANA time zone that the fields are read in, such as Europe/Berlin.",
    )

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        try:
            parse_cron(self.cron)
        except ValueError as error:
            raise conflict(["cron"], str(error)) from error
        try:
            zone_of(self.zone)
        except (KeyError, OSError, ValueError) as error:
            reason = f"{self.zone!r} is no time zone that is known here; give one such as UTC"
            raise conflict(["zone"], reason) from error
        return self

    def to_domain(self) -> ChangeWindow:
        """The same as a domain value."""
        return ChangeWindow(**dict(self))


class UnitsOverrideDocument(Section):
    """So many units until then, whatever sizing wants."""

    units: int = Field(ge=0, le=1_000, description="Units wanted; guard rails still bound them.")
    until: Moment = Field(description="When it expires by itself.")
    by: Identity = Field(description="Who set it.")


class RouteOverrideDocument(Section):
    """This on-demand way goes first until then."""

    address: Address = Field(description="The address of one of the options.")
    until: Moment = Field(description="When it expires by itself.")
    by: Identity = Field(description="Who set it.")


class ControlsDocument(Section):
    """What a person sets by hand."""

    pause_growth: bool = Field(default=False, description="Nothing is bought while it is true.")
    pause_shrink: bool = Field(
        default=False,
        description="Nothing is released while it is true; a drain stops before its Delete.",
    )
    shrink_windows: tuple[ChangeWindowDocument, ...] = Field(
        default=(), max_length=20, description="Recurring spans in which nothing is released."
    )
    units: UnitsOverrideDocument | None = Field(
        default=None, description="A number of units in place of sizing's; null: none."
    )
    route: RouteOverrideDocument | None = Field(
        default=None, description="An on-demand way that goes first; null: none."
    )
    pause_growth_until: Moment | None = Field(
        default=None, description="Nothing is bought until then; null: no such pause."
    )
    pause_shrink_until: Moment | None = Field(
        default=None, description="Nothing is released until then; null: no such pause."
    )
    approval_above_usd_per_hour: float | None = Field(
        default=None,
        ge=0,
        le=100_000,
        description="A purchase that costs more than this an hour waits for a person's consent to "
        "it (`approve`), and is not made without; 0 asks for each; null asks for none.",
    )

    def to_domain(self) -> Controls:
        """The same as a domain value."""
        return Controls(
            pause_growth=self.pause_growth,
            pause_shrink=self.pause_shrink,
            shrink_windows=tuple(window.to_domain() for window in self.shrink_windows),
            units=None if self.units is None else UnitsOverride(**dict(self.units)),
            route=None if self.route is None else RouteOverride(**dict(self.route)),
            pause_growth_until=self.pause_growth_until,
            pause_shrink_until=self.pause_shrink_until,
            approval_above_usd_per_hour=(
                None
                if self.approval_above_usd_per_hour is None
                else usd(self.approval_above_usd_per_hour)
            ),
        )
