"""The tuning guide has a worked case for each threshold, and the table that the code gives."""

import re
from pathlib import Path

import pytest

from bedrock_autoscaler.adapters.documents.fields import fields_of, shipped_defaults, thresholds
from bedrock_autoscaler.adapters.documents.guide import with_table

PAGE = (Path(__file__).parents[3] / "docs" / "tuning.md").read_text(encoding="utf-8")
CASES = dict(
    re.findall(r"^### ([a-z_.]+)\n\n(.+?)(?=\n\n#|\Z)", PAGE, flags=re.MULTILINE | re.DOTALL)
)


def test_each_threshold_has_its_case_and_nothing_else_has() -> None:
    assert list(CASES) == [field.path for field in thresholds()]


@pytest.mark.parametrize("path", CASES)
def test_a_case_is_worked_with_numbers(path: str) -> None:
    words = CASES[path].split()

    assert len(words) > 30
    assert len([word for word in words if re.search(r"\d", word)]) > 1


def test_the_table_is_that_of_the_code() -> None:
    assert with_table(PAGE) == PAGE


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="has no"):
        with_table("# Tuning")


def test_each_threshold_has_range_default_and_effect() -> None:
    assert len(thresholds()) > 60
    for field in thresholds():
        assert field.allowed
        assert field.default
        assert len(field.effect) > 15


def test_fields_within_objects_and_lists_are_found() -> None:
    paths = {field.path for field in fields_of()}

    assert {"provisioned.unit_rate.source", "options[].quota.tokens_per_minute"} <= paths
    assert {field.path for field in fields_of("stack")} >= {"max_units", "max_usd_per_day"}


def test_shipped_defaults_are_plain_values() -> None:
    defaults = shipped_defaults()

    assert defaults["mode"] == "advise"
    assert defaults["options"] == []
    sizing = defaults["sizing"]
    assert isinstance(sizing, dict)
    assert sizing["grow_margin"] == 1.15
