"""The document that callers read, and its parser."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedrock_autoscaler.client.document import parse_routing_table, routing_table_text
from bedrock_autoscaler.client.schema import schema_text
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.routing.table import MOST_BYTES, RoutingTable, throughput_room
from bedrock_autoscaler.domain.target import OptionKind
from tests.builders import MODEL, NOW, build_option, pt_arn

SCHEMA = Path(__file__).parents[2] / "docs" / "schema" / "routing-table.schema.json"
TABLE = RoutingTable(
    target="chat",
    version=7,
    routes=(
        Route(kind=OptionKind.PROVISIONED, address=pt_arn(1), weight=0.75),
        Route(kind=OptionKind.ON_DEMAND, address=MODEL, weight=0.25),
    ),
    refresh_seconds=60,
    no_fallback=False,
    decision_id="chat-routing-20261120T120000Z",
    published_at=NOW,
)


def test_the_document_is_what_the_docs_show() -> None:
    assert routing_table_text(TABLE) == (
        '{"schema":1,"target":"chat","version":7,"routes":['
        '{"kind":"provisioned","address":"arn:aws:bedrock:us-east-1:111122223333:provisioned-model'
        '/000000000001","weight":0.75},'
        '{"kind":"on_demand","address":"amazon.nova-2-lite-v1:0","weight":0.25}],'
        '"refresh_seconds":60,"no_fallback":false,'
        '"decision_id":"chat-routing-20261120T120000Z","published_at":"2026-11-20T12:00:00Z"}'
    )


@given(
    addresses=st.lists(st.text(min_size=1), min_size=1, max_size=8, unique=True),
    parts=st.lists(st.integers(1, 10**6), min_size=8, max_size=8),
    version=st.integers(1, 10**12),
    micros=st.integers(0, 10**9),
)
def test_a_table_comes_back_equal(
    addresses: list[str], parts: list[int], version: int, micros: int
) -> None:
    used = parts[: len(addresses)]
    table = replace(
        TABLE,
        version=version,
        routes=tuple(
            Route(kind=OptionKind.ON_DEMAND, address=address, weight=part / sum(used))
            for address, part in zip(addresses, used, strict=True)
        ),
        published_at=NOW + timedelta(microseconds=micros),
    )

    assert parse_routing_table(routing_table_text(table)) == table


def test_what_a_route_asks_for_comes_back_equal() -> None:
    routes = (
        Route(kind=OptionKind.GEOGRAPHIC_PROFILE, address="us.x", weight=0.5, region="us-west-2"),
        Route(kind=OptionKind.GEOGRAPHIC_PROFILE, address="us.x", weight=0.5, latency="optimized"),
        Route(kind=OptionKind.ON_DEMAND, address=MODEL, weight=0.0, tier="flex"),
    )
    waiting = (Route(kind=OptionKind.BATCH, address=MODEL, weight=0.0),)
    table = replace(TABLE, routes=routes, deferrable=waiting)

    assert parse_routing_table(routing_table_text(table)) == table


@pytest.mark.parametrize("count", [1, 5, 20])
def test_a_table_of_as_many_throughputs_as_are_said_to_fit_does_fit(count: int) -> None:
    options = [
        build_option(
            kind=OptionKind.MARKETPLACE_ENDPOINT,
            address=f"{MODEL}-{number}",
            region="us-gov-west-1",
            tier="priority",
            latency="optimized",
        )
        for number in range(count)
    ]
    long = pt_arn(1).replace("aws:bedrock:us-east-1", "aws-us-gov:bedrock:us-gov-west-1")
    routes = [
        Route(kind=OptionKind.PROVISIONED, address=f"{long[:-2]}{number:02}", weight=1e-5 / 3)
        for number in range(throughput_room(options, 0))
    ]
    for option in options:
        address, region, tier, latency = option.place
        route = Route(kind=option.kind, address=address, weight=1 / 30, region=region)
        routes.append(replace(route, tier=tier, latency=latency))
    rest = 1.0 - sum(route.weight for route in routes[1:])
    table = replace(
        TABLE,
        target="t" * 64,
        version=10**12,
        routes=(replace(routes[0], weight=rest), *routes[1:]),
        refresh_seconds=3_600,
        decision_id=f"{'t' * 64}-routing-20261120T120000Z",
    )

    assert 0.85 * MOST_BYTES <= len(routing_table_text(table)) <= MOST_BYTES


def test_the_same_route_twice_is_refused() -> None:
    document = json.loads(routing_table_text(TABLE))
    document["routes"] = [{"kind": "on_demand", "address": "a", "weight": 0.5}] * 2

    with pytest.raises(ValueError, match="distinct"):
        parse_routing_table(json.dumps(document))


def test_a_kind_of_a_later_version_is_followed_all_the_same() -> None:
    document = json.loads(routing_table_text(TABLE))
    document["routes"] = [{"kind": "carrier_pigeon", "address": "a", "weight": 1}]

    (route,) = parse_routing_table(json.dumps(document)).routes

    assert (route.kind, route.address) == (OptionKind.OTHER, "a")


def test_a_key_of_a_later_version_is_ignored() -> None:
    document = json.loads(routing_table_text(TABLE)) | {"colour": "green"}
    document["routes"][0]["latency_ms"] = 5

    assert parse_routing_table(json.dumps(document)) == TABLE


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"schema": 2}, "schema: is 2, and this version of the library knows 1 at most; update"),
        ({"schema": 2, "routes": {}}, "update bedrock-autoscaler here"),
        ({"schema": 0}, "schema: is 0, must be at least 1"),
        ({"version": 0}, "version: is 0, must be at least 1"),
        ({"version": 2**53}, "version"),
        ({"version": None}, "version"),
        ({"routes": []}, "routes"),
        ({"routes": [{"kind": "", "address": "a", "weight": 1}]}, "routes.0.kind"),
        ({"routes": [{"kind": "on_demand", "weight": 1}]}, "routes.0.address: is missing"),
        ({"routes": [{"kind": "batch", "address": "a", "weight": 1}]}, "batch"),
        ({"routes": "everywhere"}, "routes: must be of type array"),
        ({"deferrable": [{}]}, "deferrable.0.kind"),
        ({"version": True}, "version"),
        ({"version": 1.5}, "version"),
        ({"routes": [{"kind": "on_demand", "address": "", "weight": 1}]}, "routes.0.address"),
        ({"routes": [{"kind": "on_demand", "address": "a", "weight": 2}]}, "routes.0.weight"),
        ({"routes": [{"kind": "on_demand", "address": "a", "weight": 0.5}]}, "add to 0.5"),
        ({"no_fallback": True}, "no_fallback"),
        ({"published_at": "2026-11-20T12:00:00"}, "published_at"),
        ({"published_at": "9999-12-31T23:59:59-05:00"}, "published_at"),
        (
            {"routes": [{"kind": "on_demand", "address": "a", "weight": 10**400}]},
            "routes.0.weight: is 10000000000000000000..., must be at most 1",
        ),
        ({"target": "Chat"}, "target"),
        ({"target": "chat\n"}, "target"),
    ],
)
def test_a_misleading_table_is_refused_by_name(changes: dict[str, object], problem: str) -> None:
    document = json.loads(routing_table_text(TABLE)) | changes

    with pytest.raises(ValueError, match="routing table") as caught:
        parse_routing_table(json.dumps(document))

    assert problem in str(caught.value)


@pytest.mark.parametrize("text", ["", "null", "[]", "{", '{"schema": 1}', "[" * 100_000, "NaN"])
def test_what_is_no_table_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="routing table"):
        parse_routing_table(text)


def test_the_shipped_schema_is_the_generated_one() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema_text()
