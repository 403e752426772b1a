"""The JSON Schema of a target's document, as it is shipped in `docs/schema`."""

import json

from bedrock_autoscaler.adapters.documents.document import TargetDocument


def schema_text() -> str:
    """The schema as indented JSON with a final newline; the same code gives the same bytes."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **TargetDocument.model_json_schema(),
    }
    return json.dumps(_without_titles(schema), indent=2) + "\n"


def _without_titles(node: object) -> object:
    """The schema without the titles that pydantic makes of names; they repeat what stands there."""
    if isinstance(node, list):
        return [_without_titles(child) for child in node]
    if isinstance(node, dict):
        return {
            key: _without_titles(child)
            for key, child in node.items()
            if key != "title" or not isinstance(child, str)
        }
    return node
