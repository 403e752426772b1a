"""The table of thresholds in the tuning guide, made of the fields themselves."""

from bedrock_autoscaler.adapters.documents.fields import thresholds

BEGIN, END = "<!-- thresholds: begin -->", "<!-- thresholds: end -->"


def with_table(page: str) -> str:
    """The page with the table of now between its two marks.

    Raises:
        ValueError: a mark is missing.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN} or no {END}")
    return f"{before}{BEGIN}\n{table_text()}{END}{after}"


def table_text() -> str:
    """One row for each threshold, in the order of the schema."""
    rows = ["| field | allowed | shipped | effect |", "| --- | --- | --- | --- |"]
    for field in thresholds():
        # Underscores of a heading stay in its anchor, and dots go.
        link = f"[{field.path}](#{field.path.replace('.', '')})"
        rows.append(f"| {link} | {field.allowed} | {field.default} | {field.effect} |")
    return "\n".join(rows) + "\n"
