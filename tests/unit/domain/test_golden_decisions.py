"""Runs the golden table through `decide`."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from bedrock_autoscaler.domain.decide import decide
from tests.unit.domain.golden import ADDRESSES, GIVEN, describe, situation_of

TABLE = tomllib.loads(
    (Path(__file__).parents[2] / "golden" / "decisions.toml").read_text(encoding="utf-8")
)["decision"]


@pytest.mark.parametrize("row", TABLE, ids=[row["id"] for row in TABLE])
def test_decides_as_the_golden_table_says(row: dict[str, Any]) -> None:
    decision = decide(situation_of(row["given"]))

    assert [describe(action) for action in decision.actions] == row["actions"]
    assert [reason.code.value for reason in decision.reasons] == row["reasons"]
    if "routes" in row:
        names = {address: name for name, address in ADDRESSES.items()}
        found = [f"{names[route.address]} {route.weight}" for route in decision.routes]
        assert found == row["routes"]


def test_each_row_has_an_id_of_its_own_and_says_why_it_matters() -> None:
    ids = [row["id"] for row in TABLE]

    assert len(set(ids)) == len(ids)
    assert all(len(row["why"]) > 20 for row in TABLE)
    assert all(set(row["given"]) <= GIVEN for row in TABLE)
