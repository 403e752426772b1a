"""The JSON Schema of a target's document, as it is shipped in `docs/schema`."""

import json

from bedrock_autoscaler.adapters.documents.document import TargetDocument


def schema_text() -> str:
    """The schema as indented JSON with a final newline; the same code gives the same bytes."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **TargetDocument.model_json_schema(),
    }
    return json.dumps(schema, indent=2) + "\n"
