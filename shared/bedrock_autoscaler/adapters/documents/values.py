"""The kinds of value that a settings document is made of, each with its bounds."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
)
from pydantic_core import PydanticCustomError

from bedrock_autoscaler.domain.units import as_utc


def _in_utc(moment: datetime) -> datetime:
    """The same moment in UTC, where it is one that a calendar of 9999 years has.

    Raises:
        ValueError: it has none, such as midnight of the last day of all west of Greenwich.
    """
    try:
        return as_utc(moment)
    except OverflowError as error:
        raise ValueError("in UTC it lies beyond the years 1 to 9999") from error


Account = Annotated[str, Field(pattern=r"^[0-9]{12}$")]
Region = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]
Geography = Annotated[str, Field(pattern=r"^[a-z]{2,4}(-[a-z]+)?$")]
Address = Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^[A-Za-z0-9:/._+-]+$")]
"""No longer than a dimension's value in CloudWatch: one that is would spoil the reading of all
targets that are asked for in the same call. Source: `DimensionValue` in its service model."""
SHORTEST_SOURCE, LONGEST_SOURCE = 3, 300
Source = Annotated[str, Field(min_length=SHORTEST_SOURCE, max_length=LONGEST_SOURCE)]
Identity = Annotated[str, Field(min_length=1, max_length=2_048)]
"""A person's name, or the ARN by which AWS knows credentials. Source: the longest ARN in IAM's
service model (`arnType`)."""
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
PerMinute = Annotated[float, Field(gt=0, le=1e9)]
UsdPerThousand = Annotated[float, Field(gt=0, le=10)]
UsdPerUnitHour = Annotated[float, Field(gt=0, le=10_000)]

WORD, OBJECT = "<word>", "<object>"
"""Tags of the branches of a union; they never show in the path of a field."""

_AS_OF = "The day it was read; `gating.max_price_age_days` says how long it is believed."


class Section(BaseModel):
    """A part of the document: typed strictly, frozen, and closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class TokenPriceDocument(Section):
    """USD per 1,000 tokens on demand, as a person states it."""

    input_usd_per_1k: UsdPerThousand = Field(description="Price of 1,000 input tokens.")
    output_usd_per_1k: float = Field(
        ge=0, le=10, description="Price of 1,000 output tokens; 0 for embeddings alone."
    )
    source: Source = Field(description="Where the price was read.")
    as_of: date = Field(description=_AS_OF)


class UnitPriceDocument(Section):
    """USD per model unit and hour, as a person states it."""

    usd_per_hour: UsdPerUnitHour = Field(description="A unit-hour without commitment.")
    one_month_usd_per_hour: UsdPerUnitHour | None = Field(
        default=None, description="A unit-hour under one month's commitment; null: not sold."
    )
    six_months_usd_per_hour: UsdPerUnitHour | None = Field(
        default=None, description="A unit-hour under six months' commitment; null: not sold."
    )
    source: Source = Field(description="Where the price was read.")
    as_of: date = Field(description=_AS_OF)


class QuotaDocument(Section):
    """What Bedrock admits per minute on one option; at least one of the two limits is stated."""

    tokens_per_minute: PerMinute | None = Field(
        default=None, description="Quota tokens a minute; null: no such limit."
    )
    requests_per_minute: PerMinute | None = Field(
        default=None, description="Requests a minute; null: no such limit."
    )
    output_burndown: float = Field(
        ge=1,
        le=100,
        description=(
            "Quota tokens that one output token uses up: 5 for most Anthropic models, 10 or 15 "
            "for some newer ones, 1 for most others (Bedrock User Guide, token burndown). Too low "
            "a figure overrates the quota."
        ),
    )
    source: Source = Field(description="Where it was read; the applied quota counts.")


class UnitRateDocument(Section):
    """Tokens per minute that one model unit serves; AWS publishes none, so each has a source."""

    input_tokens_per_minute: PerMinute = Field(description="Limit on input tokens.")
    output_tokens_per_minute: PerMinute | None = Field(
        default=None, description="Limit on output tokens; null for embeddings alone."
    )
    combination: Literal["larger", "sum"] = Field(
        default="larger",
        description=(
            "`larger`: two separate limits, the fuller one binds. `sum`: one limit over input "
            "plus weighted output, as a load test may show."
        ),
    )
    source: Source = Field(description="Who says so: the account team, a load test of a date.")


def _branch(value: object) -> str:
    """The branch of a union of one word and one object that a value was meant for."""
    return WORD if isinstance(value, str) else OBJECT


TokenPriceChoice = Annotated[
    Annotated[Literal["list"], Tag(WORD)] | Annotated[TokenPriceDocument, Tag(OBJECT)],
    Discriminator(_branch),
]
UnitPriceChoice = Annotated[
    Annotated[Literal["list"], Tag(WORD)] | Annotated[UnitPriceDocument, Tag(OBJECT)],
    Discriminator(_branch),
]
QuotaChoice = Annotated[
    Annotated[Literal["unlimited"], Tag(WORD)] | Annotated[QuotaDocument, Tag(OBJECT)],
    Discriminator(_branch),
]


def conflict(field: Sequence[str | int], reason: str) -> PydanticCustomError:
    """The error of a rule between fields; it is reported at `field`, below the raising model."""
    context: dict[str, Any] = {"field": tuple(field), "reason": reason}
    return PydanticCustomError("conflict", "{reason}", context)


def money(amount: float) -> Decimal:
    """A number of dollars as it was written, without the noise of binary fractions."""
    return Decimal(str(amount))
