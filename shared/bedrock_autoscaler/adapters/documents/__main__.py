"""Writes what is made of the documents' models: `python -m bedrock_autoscaler.adapters.documents`.

With a path that ends in `.md` the table of thresholds in that page, else a target's JSON Schema.
"""

import sys
from pathlib import Path

from bedrock_autoscaler.adapters.documents.guide import with_table
from bedrock_autoscaler.adapters.documents.schema import schema_text

if __name__ == "__main__":
    path = Path(sys.argv[1])
    is_page = path.suffix == ".md"
    text = with_table(path.read_text(encoding="utf-8")) if is_page else schema_text()
    path.write_text(text, encoding="utf-8")
