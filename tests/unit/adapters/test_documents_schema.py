import json
from pathlib import Path

from bedrock_autoscaler.adapters.documents.schema import schema_text

SCHEMA = Path(__file__).parents[3] / "docs" / "schema" / "target.schema.json"


def test_the_shipped_schema_is_up_to_date() -> None:
    # `python -m bedrock_autoscaler.adapters.documents docs/schema/target.schema.json` writes it.
    assert SCHEMA.read_text(encoding="utf-8") == schema_text()


def test_every_field_of_the_schema_is_described_and_every_number_bounded() -> None:
    schema = json.loads(schema_text())

    fields = {
        f"{name}.{field}": node
        for name, section in {"target": schema, **schema["$defs"]}.items()
        for field, node in section["properties"].items()
    }
    undescribed = [
        name for name, node in fields.items() if not ({"description", "$ref"} & node.keys())
    ]
    unbounded = [
        name
        for name, node in fields.items()
        for branch in node.get("anyOf", [node])
        if branch.get("type") in {"integer", "number"} and "maximum" not in branch
    ]
    assert undescribed == []
    assert unbounded == []
    assert all(section["additionalProperties"] is False for section in schema["$defs"].values())
