"""The routing table as JSON: what callers read, and the parser that they read it with.

`python -m bedrock_autoscaler.adapters.storage.routing_document PATH` writes its JSON Schema.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from bedrock_autoscaler.domain.decision import Route
from bedrock_autoscaler.domain.routing_table import RoutingTable
from bedrock_autoscaler.domain.target import OptionKind
from bedrock_autoscaler.domain.units import as_utc

_Name = Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]


class _Document(BaseModel):
    # Unknown keys are ignored: callers keep their parser for longer than a table keeps its form,
    # and one that refused a new key would route by an old table for ever.
    model_config = ConfigDict(extra="ignore", frozen=True)


class RouteDocument(_Document):
    """One address to send calls to."""

    kind: OptionKind = Field(description="How the address is billed.")
    address: str = Field(min_length=1, description="The `modelId` to pass to Bedrock.")
    weight: float = Field(ge=0, le=1, description="Share of the calls offered here first.")


class RoutingTableDocument(_Document):
    """Where callers of one target send their calls.

    Draw a first address by weight. What is throttled or not found there goes to the next one
    in the list, from the top. A table never expires: keep the last one that was valid.
    """

    schema_version: Literal[1] = Field(alias="schema", description="Version of this form.")
    target: _Name = Field(description="The target that the table is for.")
    version: int = Field(ge=1, description="Rises with each change; refuse a lower one.")
    routes: tuple[RouteDocument, ...] = Field(
        min_length=1, description="In the order of spilling; the weights add to 1."
    )
    refresh_seconds: int = Field(ge=1, description="Look again after this time; a hint.")
    no_fallback: bool = Field(description="True when every route is provisioned throughput.")
    decision_id: str = Field(description="The decision that the table carries out.")
    published_at: AwareDatetime = Field(description="When it was published, in UTC.")


def parse_routing_table(text: str) -> RoutingTable:
    """The routing table in a parameter's value.

    Raises:
        ValueError: it is no valid table; one sentence says where and why.
    """
    try:
        document = RoutingTableDocument.model_validate_json(text)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in problem["loc"]) or "document"
        raise ValueError(f"routing table: {place}: {problem['msg']}") from error
    routes = tuple(
        Route(kind=route.kind, address=route.address, weight=route.weight)
        for route in document.routes
    )
    return RoutingTable(
        target=document.target,
        version=document.version,
        routes=routes,
        refresh_seconds=document.refresh_seconds,
        no_fallback=document.no_fallback,
        decision_id=document.decision_id,
        published_at=as_utc(document.published_at),
    )


def routing_table_text(table: RoutingTable) -> str:
    """The table as compact JSON; the same table gives the same text."""
    document = {
        "schema": 1,
        "target": table.target,
        "version": table.version,
        "routes": [
            {"kind": route.kind.value, "address": route.address, "weight": route.weight}
            for route in table.routes
        ],
        "refresh_seconds": table.refresh_seconds,
        "no_fallback": table.no_fallback,
        "decision_id": table.decision_id,
        "published_at": as_utc(table.published_at).isoformat().replace("+00:00", "Z"),
    }
    return json.dumps(document, separators=(",", ":"), allow_nan=False)


def schema_text() -> str:
    """The JSON Schema of the document, indented, with a final newline."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **RoutingTableDocument.model_json_schema(),
    }
    return json.dumps(schema, indent=2) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(schema_text(), encoding="utf-8")
