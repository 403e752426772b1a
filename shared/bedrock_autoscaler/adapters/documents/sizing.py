"""From which worth on units are bought and kept; defaults as shipped."""

from pydantic import Field

from bedrock_autoscaler.adapters.documents.values import Section
from bedrock_autoscaler.domain.thresholds import Sizing


class SizingDocument(Section):
    """How the number of units follows from what they are worth."""

    lead_minutes: int = Field(
        default=15,
        ge=1,
        le=240,
        description="From a purchase to InService; forecasts look this far ahead. Too low a figure "
        "counts on minutes that a unit cannot serve yet.",
    )
    billing_minutes: int = Field(
        default=60,
        ge=1,
        le=1_440,
        description="A started period of this length is paid whole; releases wait for its end.",
    )
    grow_margin: float = Field(
        default=1.15,
        ge=1,
        le=5,
        description="A unit is bought at this multiple of its price in worth; higher: fewer, surer "
        "purchases.",
    )
    keep_margin: float = Field(
        default=0.95,
        ge=0,
        le=1,
        description="A unit is kept above this multiple of its price in worth; lower: units stay "
        "longer.",
    )
    bursty_may_hold_units: bool = Field(
        default=True,
        description="Whether a bursty target may hold units without commitment; false sends bursts "
        "on demand whatever it costs.",
    )
    max_units_per_purchase: int = Field(
        default=16,
        ge=1,
        le=100,
        description="Size of one purchase; a provisioned throughput is released only as a whole, "
        "so smaller ones follow demand down and use up more changes a day.",
    )
    loss_budget_share: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Share of the traffic's on-demand cost (halved every 14 days) that units may "
        "lose before the margins rise and nothing more is bought; higher: faster growth, and more "
        "purchases on traffic that never paid.",
    )
    loss_budget_day_share: float = Field(
        default=0.015,
        ge=0,
        le=1,
        description="Share of the newest traffic's on-demand cost (halved every day) that units "
        "may lose before nothing more is bought, whatever they saved before; lower: no day costs "
        "much more than on demand, and slower growth.",
    )
    loss_budget_unit_hours: float = Field(
        default=2.0,
        ge=0,
        le=1_000,
        description="Price of so many unit-hours that may be lost besides: how many units a target "
        "without history tries first.",
    )
    loss_factor: float = Field(
        default=1.25,
        ge=1,
        le=100,
        description="The margins are multiplied by this while that budget is used up; 1: units are "
        "kept as ever.",
    )
    scarcity_factor: float = Field(
        default=1.3,
        ge=1,
        le=10,
        description="The margin of a purchase is multiplied by this for each release of the day "
        "short of two in reserve; higher: fewer, longer purchases under max_releases_per_day.",
    )
    patience: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="By how much the keep margin falls as the releases of the day are used up; 0 "
        "spends them as they come.",
    )
    purchase_worth: float = Field(
        default=0.4,
        ge=0,
        le=2,
        description="A purchase that throttling alone justifies must avoid this share of a fully "
        "throttled unit's cost as the purchases of the day are used up; higher: fewer, larger "
        "purchases under max_purchases_per_day.",
    )

    def to_domain(self, decision_minutes: int) -> Sizing:
        """The same as a domain value, with the period of the capacity loop."""
        return Sizing(decision_minutes=decision_minutes, **dict(self))
