"""Writes the JSON Schema of events: `python -m bedrock_autoscaler.adapters.telling PATH`."""

import sys
from pathlib import Path

from bedrock_autoscaler.adapters.telling.schema import schema_text

if __name__ == "__main__":
    Path(sys.argv[1]).write_text(schema_text(), encoding="utf-8")
