"""The JSON Schema of an event's `detail`, as it is shipped in `docs/schema`.

No function imports it: events are written by `detail_of`, and tests hold the two together.
"""

import json
from decimal import Decimal
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class ActionPart(_Part):
    """One action of a decision."""

    action: Literal["purchase", "release", "restore"]
    model_units: int = Field(ge=1)
    model_id: str | None = Field(default=None, description="Of a purchase.")
    usd_per_hour: Decimal | None = Field(default=None, description="Of all units of a purchase.")
    commitment: Literal["none", "one_month", "six_months"] | None = Field(
        default=None, description="Of a purchase."
    )
    consent_id: str | None = Field(default=None, description="The consent that a purchase uses up.")
    arn: str | None = Field(default=None, description="Of a release or a restoration.")


class ReasonPart(_Part):
    """Why, as `docs/reasons.md` lists it."""

    code: str
    message: str
    numbers: dict[str, float | None]


class DecisionPart(_Part):
    """What was decided; the ledger has its inputs under the event's `id`."""

    loop: Literal["routing", "capacity"]
    mode: Literal["advise", "act"]
    settings_version: str
    label: str | None = Field(description="Class of the traffic; null of the routing loop.")
    desired_units: int
    allowed_units: int
    actual_units: int
    expected_saving_usd_per_hour: float | None
    actions: list[ActionPart] = Field(description="Empty: hold.")
    reasons: list[ReasonPart]


class RequestPart(_Part):
    """What waits for a person's word."""

    model_id: str
    units: int = Field(ge=1)
    term: Literal["none", "one_month", "six_months"]
    usd_per_hour: Decimal = Field(description="Of all units together.")
    expires_at: AwareDatetime = Field(description="Silence until then is a no.")


class Detail(_Part):
    """The `detail` of an event whose `source` is `bedrock-autoscaler`."""

    version: Literal["1"]
    id: str = Field(
        min_length=1, description="The same when a run is repeated: drop what you have seen."
    )
    deployment: str = Field(description="The stack's name.")
    kind: Literal["decision", "change", "alarm", "request"]
    name: str = Field(description="`decided`, `asked`, or the name of the change or alarm.")
    target: str = Field(description="Empty where it concerns no target.")
    at: AwareDatetime = Field(description="Scheduled time of a decision, else when it happened.")
    text: str
    fields: dict[str, str | float | None] = Field(description="Of a change, by name.")
    commands: list[str] = Field(description="What a person may run, whole lines for a shell.")
    decision: DecisionPart | None
    request: RequestPart | None


def schema_text() -> str:
    """The schema as indented JSON with a final newline; the same code gives the same bytes."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_without_titles(Detail.model_json_schema()),
    }
    return json.dumps(schema, indent=2) + "\n"


def _without_titles(node: dict[str, object]) -> dict[str, object]:
    """Without the titles that pydantic makes of names; they repeat what stands there."""
    return {
        key: _without_titles(child) if isinstance(child, dict) else _each(child)
        for key, child in node.items()
        if key != "title" or not isinstance(child, str)
    }


def _each(child: object) -> object:
    if not isinstance(child, list):
        return child
    return [_without_titles(one) if isinstance(one, dict) else one for one in child]
