from dataclasses import replace

import pytest

from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.routing.table import RoutingTable, routing_problem
from bedrock_autoscaler.domain.target import OptionKind
from tests.builders import MODEL, NOW, pt_arn

PAID = Route(kind=OptionKind.PROVISIONED, address=pt_arn(1), weight=1.0)
SPILL = Route(kind=OptionKind.ON_DEMAND, address=MODEL, weight=0.0)
TABLE = RoutingTable(
    target="chat",
    version=1,
    routes=(PAID, SPILL),
    refresh_seconds=60,
    no_fallback=False,
    decision_id="chat-routing-20261120T120000Z",
    published_at=NOW,
)


@pytest.mark.parametrize(
    ("routes", "no_fallback", "problem"),
    [
        ((), False, "it has no route"),
        ((PAID, PAID), True, "distinct and not empty"),
        ((replace(PAID, address=""), SPILL), False, "distinct and not empty"),
        ((replace(PAID, weight=1.5), SPILL), False, "outside 0 to 1"),
        ((replace(PAID, weight=0.5), SPILL), False, "weights add to 0.5"),
        ((PAID, SPILL), True, "no_fallback is True, but a route besides PT is True"),
        ((PAID,), False, "no_fallback is False, but a route besides PT is False"),
    ],
)
def test_names_what_would_mislead_a_caller(
    *, routes: tuple[Route, ...], no_fallback: bool, problem: str
) -> None:
    assert problem in str(routing_problem(routes, no_fallback=no_fallback))
    with pytest.raises(ValueError, match="routing table of target 'chat'"):
        replace(TABLE, routes=routes, no_fallback=no_fallback)


def test_a_sound_table_has_no_problem() -> None:
    assert routing_problem((PAID, SPILL), no_fallback=False) is None
    assert routing_problem((PAID,), no_fallback=True) is None


def test_versions_count_from_one() -> None:
    with pytest.raises(ValueError, match="version is 0, must be at least 1"):
        replace(TABLE, version=0)
