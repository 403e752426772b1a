"""What policies and agenda guarantee, in memory and in DynamoDB."""

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from bedrock_autoscaler.adapters.storage.agenda import DynamoAgenda
from bedrock_autoscaler.adapters.storage.policies import DynamoPolicies
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.fleets.assigning import (
    Agenda,
    AgendaEntry,
    Policies,
    Roster,
)
from bedrock_autoscaler.application.ports.settings import Settings
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, build_target
from tests.contract.conftest import LEDGER
from tests.endpoints import build_endpoint, build_instance_rails
from tests.fakes.memory_dispatch import MemoryAgenda, MemoryPolicies

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ENTRY = AgendaEntry(
    target="chat",
    routing_at=NOW + MINUTE,
    capacity_at=NOW + 5 * MINUTE,
    visited_at=NOW,
    seen_until=NOW - 3 * MINUTE,
    last_call_at=None,
)
SCALED = build_endpoint(instances=build_instance_rails(usd_per_instance_hour=Decimal("2.125")))
ROSTER = Roster.of(
    Settings(targets=(build_target(), build_target(name="search", options=(SCALED,))), problems=())
)


@pytest.fixture(params=["memory", "moto"])
def policies(request: pytest.FixtureRequest) -> Policies:
    if request.param == "memory":
        return MemoryPolicies()
    return DynamoPolicies(request.getfixturevalue("dynamodb"), LEDGER)


@pytest.fixture(params=["memory", "moto"])
def agenda(request: pytest.FixtureRequest) -> Agenda:
    if request.param == "memory":
        return MemoryAgenda()
    return DynamoAgenda(request.getfixturevalue("dynamodb"), LEDGER)


def test_a_policy_is_kept_under_its_version(policies: Policies) -> None:
    older, newer = build_target(), build_target(settings_version="fedcba9876543210")
    policies.keep((older,), ROSTER, NOW)
    policies.keep((newer,), ROSTER, NOW)

    assert policies.target("chat", older.settings_version) == older
    assert policies.target("chat", newer.settings_version) == newer
    assert policies.roster(ROSTER.version) == ROSTER
    assert [each.target for each in ROSTER.endpoints] == ["search"]
    with pytest.raises(ObservationError):
        policies.target("chat", "0000000000000000")
    with pytest.raises(ObservationError):
        policies.roster("0000000000000000")


def test_a_version_is_never_changed(policies: Policies) -> None:
    policies.keep((build_target(),), ROSTER, NOW)

    other = build_target(uses_mantle=True)
    if isinstance(policies, DynamoPolicies):
        # A process remembers what it has kept, and asks no more.
        policies.keep((other,), ROSTER, NOW)
    else:
        assert policies.keep((other,), ROSTER, NOW).keys() == {"chat"}

    assert policies.target("chat", other.settings_version) == build_target()


def newer_version(dynamodb: "DynamoDBClient", name: str) -> None:
    """Newer code keeps something else under the settings version of a target."""
    dynamodb.put_item(
        TableName=LEDGER,
        Item={
            "pk": {"S": "SETTINGS"},
            "sk": {"S": f"VERSION#{name}#{build_target().settings_version}"},
            "schema": {"N": "99"},
        },
    )


def test_a_version_that_newer_code_kept_leaves_its_target_out_alone(
    dynamodb: "DynamoDBClient",
) -> None:
    newer_version(dynamodb, "chat")
    policies = DynamoPolicies(dynamodb, LEDGER)
    other = build_target(name="search")

    faults = policies.keep((build_target(), other), ROSTER, NOW)

    assert faults.keys() == {"chat"}
    assert "has schema Decimal('99')" in faults["chat"]
    assert policies.target("search", other.settings_version) == other
    assert policies.roster(ROSTER.version) == ROSTER


def test_many_versions_that_cannot_be_kept_are_no_matter_of_single_targets(
    dynamodb: "DynamoDBClient",
) -> None:
    names = ("a", "b", "c", "d")
    for name in names:
        newer_version(dynamodb, name)

    with pytest.raises(ObservationError, match="schema"):
        DynamoPolicies(dynamodb, LEDGER).keep(
            [build_target(name=name) for name in names], ROSTER, NOW
        )


def test_what_a_replaced_table_lacks_is_kept_again_within_a_quarter_of_an_hour(
    dynamodb: "DynamoDBClient",
) -> None:
    policies, target = DynamoPolicies(dynamodb, LEDGER), build_target()
    policies.keep((target,), ROSTER, NOW)
    for item in dynamodb.scan(TableName=LEDGER)["Items"]:
        dynamodb.delete_item(TableName=LEDGER, Key={"pk": item["pk"], "sk": item["sk"]})

    policies.keep((target,), ROSTER, NOW + 14 * MINUTE)
    assert dynamodb.scan(TableName=LEDGER)["Count"] == 0
    policies.keep((target,), ROSTER, NOW + 15 * MINUTE)

    worker = DynamoPolicies(dynamodb, LEDGER)
    assert worker.target(target.name, target.settings_version) == target
    assert worker.roster(ROSTER.version) == ROSTER


def test_a_roster_changes_its_version_with_its_names_and_its_caps() -> None:
    alone = Roster.of(Settings(targets=(build_target(),), problems=()))

    assert alone.version != ROSTER.version
    assert Roster.of(Settings(targets=(build_target(),), problems=())) == alone


def test_the_agenda_holds_the_newest_entry_of_each_target(agenda: Agenda) -> None:
    later = replace(
        ENTRY,
        visited_at=NOW + MINUTE,
        last_call_at=NOW - MINUTE,
        acting_until=NOW + 15 * MINUTE,
        settings="01234567",
    )
    other = replace(ENTRY, target="search")

    agenda.note(ENTRY)
    agenda.note(other)
    agenda.note(later)

    assert dict(agenda.entries()) == {"chat": later, "search": other}


@pytest.mark.parametrize("minutes", ["next week", f"{10**15} 1 1 1 1 1 01234567"])
def test_an_entry_that_cannot_be_read_is_left_out(dynamodb: "DynamoDBClient", minutes: str) -> None:
    agenda = DynamoAgenda(dynamodb, LEDGER)
    agenda.note(ENTRY)
    agenda.note(replace(ENTRY, target="search"))
    (item, _) = dynamodb.scan(TableName=LEDGER)["Items"]
    dynamodb.put_item(TableName=LEDGER, Item=item | {"minutes": {"S": minutes}})

    assert set(agenda.entries()) == {"chat", "search"} - {item["sk"]["S"]}
