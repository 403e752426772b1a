"""Writes the JSON Schema of a target: `python -m bedrock_autoscaler.adapters.documents PATH`."""

import sys
from pathlib import Path

from bedrock_autoscaler.adapters.documents.schema import schema_text

if __name__ == "__main__":
    Path(sys.argv[1]).write_text(schema_text(), encoding="utf-8")
