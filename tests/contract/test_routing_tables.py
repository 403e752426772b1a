"""What every store of routing tables guarantees."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from bedrock_autoscaler.adapters.storage.routes import DynamoRoutingTables
from bedrock_autoscaler.application.errors import StaleDecisionError
from bedrock_autoscaler.application.ports.tables import RoutingTables
from bedrock_autoscaler.client.document import parse_routing_table
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.routing.table import RoutingTable
from bedrock_autoscaler.domain.target import OptionKind
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import MODEL, NOW, pt_arn
from tests.contract.conftest import BACKENDS, PREFIX, ROUTES
from tests.fakes.memory_routes import MemoryRoutingTables


@dataclass(frozen=True)
class Published:
    """The port, and what callers of a target read."""

    tables: RoutingTables
    seen: Callable[[str], RoutingTable | None]


@pytest.fixture(params=BACKENDS)
def published(request: pytest.FixtureRequest) -> Published:
    if request.param == "memory":
        memory = MemoryRoutingTables()
        return Published(memory, memory.projected.get)
    ssm = request.getfixturevalue("ssm")
    real = DynamoRoutingTables(request.getfixturevalue("dynamodb"), ROUTES, ssm, PREFIX)

    def seen(target: str) -> RoutingTable | None:
        name = f"{PREFIX}/routes/{target}"
        found = ssm.get_parameters(Names=[name])["Parameters"]
        return parse_routing_table(found[0]["Value"]) if found else None

    return Published(real, seen)


def build_table(version: int, target: str = "chat") -> RoutingTable:
    return RoutingTable(
        target=target,
        version=version,
        routes=(
            Route(kind=OptionKind.PROVISIONED, address=pt_arn(1), weight=2.0 / 3.0),
            Route(kind=OptionKind.ON_DEMAND, address=MODEL, weight=1.0 / 3.0),
        ),
        refresh_seconds=60,
        no_fallback=False,
        decision_id="chat-routing-20261120T120000Z",
        published_at=NOW + version * MINUTE,
    )


def test_there_is_no_table_before_the_first(published: Published) -> None:
    assert published.tables.current("chat") is None
    assert published.seen("chat") is None


def test_versions_follow_one_another(published: Published) -> None:
    published.tables.publish(build_table(1))
    published.tables.publish(build_table(2))

    assert published.tables.current("chat") == build_table(2)
    assert published.tables.current("chat-2") is None


@pytest.mark.parametrize("version", [1, 2, 4])
def test_a_version_that_does_not_follow_is_refused(published: Published, version: int) -> None:
    published.tables.publish(build_table(1))
    published.tables.publish(build_table(2))

    with pytest.raises(StaleDecisionError, match="version 2"):
        published.tables.publish(build_table(version))

    assert published.tables.current("chat") == build_table(2)


def test_a_first_table_has_version_one(published: Published) -> None:
    with pytest.raises(StaleDecisionError):
        published.tables.publish(build_table(2))

    assert published.tables.current("chat") is None


def test_callers_read_what_was_projected(published: Published) -> None:
    published.tables.publish(build_table(1))

    published.tables.project(build_table(1))

    assert published.seen("chat") == build_table(1)
    assert published.seen("chat-2") is None


def test_projecting_again_changes_nothing(published: Published) -> None:
    published.tables.project(build_table(1))
    published.tables.project(build_table(1))
    published.tables.project(build_table(2))

    assert published.seen("chat") == build_table(2)


def test_a_newer_projection_is_not_undone(published: Published) -> None:
    published.tables.project(build_table(2))

    with pytest.raises(StaleDecisionError, match="newer"):
        published.tables.project(build_table(1))

    assert published.seen("chat") == build_table(2)


def test_a_table_is_put_above_a_newer_projection(published: Published) -> None:
    published.tables.publish(build_table(1))
    published.tables.project(build_table(7))

    above = published.tables.overtake(build_table(1))
    published.tables.project(above)

    assert above == replace(build_table(1), version=8)
    assert published.tables.current("chat") == published.seen("chat") == above


@pytest.mark.parametrize("copies", [(), (1,)], ids=["none", "older"])
def test_a_table_rises_also_above_a_projection_that_is_not_newer(
    published: Published, copies: tuple[int, ...]
) -> None:
    published.tables.publish(build_table(1))
    published.tables.publish(build_table(2))
    for version in copies:
        published.tables.project(build_table(version))

    above = replace(build_table(2), version=3)
    assert published.tables.overtake(build_table(2)) == above


def test_a_table_that_is_not_in_force_overtakes_nothing(published: Published) -> None:
    published.tables.publish(build_table(1))
    published.tables.publish(build_table(2))
    published.tables.project(build_table(7))

    with pytest.raises(StaleDecisionError):
        published.tables.overtake(build_table(1))

    assert published.tables.current("chat") == build_table(2)


def test_a_spoiled_projection_of_the_same_version_is_repaired(published: Published) -> None:
    published.tables.project(replace(build_table(3), refresh_seconds=999))

    published.tables.project(build_table(3))

    assert published.seen("chat") == build_table(3)
