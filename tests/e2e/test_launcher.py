"""What the launcher makes faster in the emulator answers as before."""

import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bedrock_autoscaler.adapters.storage.table import Table
from bedrock_world.local import LocalAws, launcher
from bedrock_world.local.launcher import KEY_RANGE, _OnceUnpacked
from tests.tables import make_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = [pytest.mark.emulator, pytest.mark.xdist_group("emulator")]

TOOLS = Path(__file__).parents[2] / ".tools"
TABLE = "ledger"
SORT_KEYS = ("A", "DECISION#a#1", "DECISION#a#2", "DECISION#a~", "FLEET", "P#1", "\u00fc", "\uffee")
SAME_RANGE = "#sk BETWEEN :first AND :last AND #pk = :pk"


@pytest.fixture(scope="module")
def dynamodb() -> "Iterator[DynamoDBClient]":
    with LocalAws(tools=TOOLS, world_url="http://127.0.0.1:9") as aws:
        client = aws.client("dynamodb")
        make_tables(client, {TABLE: ("pk", "sk")})
        for pk in ("T#1", "T#2"):
            for sk in SORT_KEYS:
                client.put_item(TableName=TABLE, Item={"pk": {"S": pk}, "sk": {"S": sk}})
        yield client


def query(client: "DynamoDBClient", condition: str, first: str, last: str) -> list[str]:
    names = {"#pk": "pk", "#sk": "sk"}
    values: dict[str, Any] = {":pk": {"S": "T#1"}, ":first": {"S": first}, ":last": {"S": last}}
    found = client.query(
        TableName=TABLE,
        KeyConditionExpression=condition,
        ExpressionAttributeNames=names,
        ExpressionAttributeValues=values,
    )
    assert {item["pk"]["S"] for item in found["Items"]} <= {"T#1"}
    return [item["sk"]["S"] for item in found["Items"]]


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("A", "\uffff"),
        ("DECISION#a#1", "DECISION#a#1"),
        ("DECISION#a#", "DECISION#a#~"),
        ("DECISION#b", "EMPTY"),
        ("P", "\u00fc"),
    ],
)
def test_ranges_hold_what_the_emulator_itself_finds(
    dynamodb: "DynamoDBClient", first: str, last: str
) -> None:
    quick = query(dynamodb, KEY_RANGE, first, last)

    assert quick == query(dynamodb, SAME_RANGE, first, last)
    assert quick == [sk for sk in SORT_KEYS if first <= sk <= last]


def test_the_ledgers_adapter_asks_in_the_form_that_is_made_faster(
    dynamodb: "DynamoDBClient",
) -> None:
    asked: list[str] = []

    class Noting:
        def query(self, **request: Any) -> Any:
            asked.append(request["KeyConditionExpression"])
            return dynamodb.query(**request)

    noting: Any = Noting()
    found = list(Table(noting, TABLE).query("T#1", first="F", last="P#~"))

    assert asked == [KEY_RANGE]
    assert [item["sk"] for item in found] == ["FLEET", "P#1"]


# Runs where the emulator is installed: each value converted by the emulator's own functions, then
# twice by those that the launcher puts in their place, so that the second answer is remembered.
CONVERT = """
import datetime, json, runpy
from ministack.services import cloudwatch

launcher = runpy.run_path(LAUNCHER)
zone = datetime.timezone(datetime.timedelta(hours=2))
moments = [
    "2026-03-01T12:00:30Z", "2026-03-01T12:00:30.25Z", "2026-03-01T14:00:30+02:00",
    "2026-03-01T12:00:30", " 1772366430 ", "", None, 1772366430, 1772366430.25,
    datetime.datetime(2026, 3, 1, 12, 0, 30), datetime.datetime(2026, 3, 1, 14, 0, 30, tzinfo=zone),
]
epochs = [0, 1772366430, 1772366430.75]

def converted():
    return [
        [repr(cloudwatch._parse_ts(moment)) for moment in moments],
        [cloudwatch._ts_iso(epoch) for epoch in epochs],
    ]

own = converted()
launcher["_remember_timestamps"]()
print(json.dumps([own, converted(), converted(), cloudwatch._parse_ts.cache_info().hits]))
"""


def test_remembered_timestamps_are_what_the_emulator_reads_itself() -> None:
    script = CONVERT.replace("LAUNCHER", repr(launcher.__file__))

    done = subprocess.run(
        [TOOLS / "bin" / "python", "-c", script], capture_output=True, text=True, check=True
    )

    own, first, second, remembered = json.loads(done.stdout)
    # 2026-03-01T12:00:30Z; every form above but the empty ones means this second.
    assert set(own[0]) == {"1772366430.0", "1772366430.25", "None"}
    assert first == own
    assert second == own
    assert remembered > 0


def test_what_is_unpacked_once_is_whole_for_each_and_goes_with_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(_OnceUnpacked, "_folders", {})

    def unpacked(text: str, name: str) -> Path:
        archive = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(archive, "w") as made:
            made.writestr("package/module.py", text)
            made.writestr("other.py", "same = 1")
        folder = tmp_path / name / "layer"
        folder.mkdir(parents=True)
        with _OnceUnpacked(archive) as found:
            found.extractall(folder)
        return folder / "package" / "module.py"

    first, again, changed = (
        unpacked(text, name) for text, name in (("a = 1", "x"), ("a = 1", "y"), ("a = 2", "z"))
    )

    assert first.samefile(again)
    shutil.rmtree(tmp_path / "x")
    assert again.read_text() == "a = 1"
    assert changed.read_text() == "a = 2"
    assert (tmp_path / "y" / "layer" / "other.py").read_text() == "same = 1"
