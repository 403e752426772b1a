"""Routing tables on DynamoDB and SSM: lost answers, bounds, the callers' copy."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import pytest

from bedrock_autoscaler.adapters.storage.routes import DynamoRoutingTables
from bedrock_autoscaler.application.errors import (
    ConfigurationError,
    ObservationError,
    StaleDecisionError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.client.document import routing_table_text
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.target import OptionKind
from tests.builders import MODEL, pt_arn
from tests.client.stage import document_with
from tests.contract.conftest import PREFIX, ROUTES
from tests.contract.storage.faulty import NO_ANSWER, FaultyClient, refusal
from tests.contract.test_routing_tables import build_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ssm import SSMClient

NAME = f"{PREFIX}/routes/chat"


@pytest.fixture
def tables(faulty_dynamodb: FaultyClient, faulty_ssm: FaultyClient) -> DynamoRoutingTables:
    return DynamoRoutingTables(
        cast("DynamoDBClient", faulty_dynamodb), ROUTES, cast("SSMClient", faulty_ssm), PREFIX
    )


def test_a_projection_reads_first_writes_a_difference_and_reads_back(
    tables: DynamoRoutingTables, faulty_ssm: FaultyClient
) -> None:
    tables.project(build_table(1))
    tables.project(build_table(1))

    assert faulty_ssm.calls == ["get_parameter", "put_parameter", "get_parameter", "get_parameter"]


@pytest.mark.parametrize(
    "text",
    [
        "please route everything here",
        document_with(build_table(9), published_at="9999-12-31T23:59:59-05:00"),
    ],
)
def test_a_parameter_that_holds_no_table_is_replaced(
    tables: DynamoRoutingTables, ssm: "SSMClient", text: str
) -> None:
    ssm.put_parameter(Name=NAME, Value=text, Type="String")

    tables.project(build_table(1))

    assert ssm.get_parameter(Name=NAME)["Parameter"]["Value"] == routing_table_text(build_table(1))


def test_a_projection_without_room_above_it_is_left_to_a_person(
    tables: DynamoRoutingTables, ssm: "SSMClient"
) -> None:
    tables.publish(build_table(1))
    text = document_with(build_table(1), version=2**53 - 1)
    ssm.put_parameter(Name=NAME, Value=text, Type="String")

    with pytest.raises(ConfigurationError, match="no room above it"):
        tables.overtake(build_table(1))

    assert tables.current("chat") == build_table(1)


def test_a_projection_that_callers_do_not_see_is_told(
    tables: DynamoRoutingTables, faulty_ssm: FaultyClient
) -> None:
    faulty_ssm.__dict__["put_parameter"] = lambda **_: {}

    with pytest.raises(ObservationError, match="does not show version 1"):
        tables.project(build_table(1))


@pytest.mark.parametrize("method", ["get_parameter", "put_parameter"])
@pytest.mark.parametrize("error", [NO_ANSWER, refusal("ThrottlingException")])
def test_a_parameter_store_that_fails_is_told_without_its_text(
    tables: DynamoRoutingTables, faulty_ssm: FaultyClient, method: str, error: Exception
) -> None:
    faulty_ssm.fail_next(error, method=method)

    with pytest.raises(ObservationError, match=NAME) as caught:
        tables.project(build_table(1))

    assert "secret" not in str(caught.value)


def test_a_table_too_large_for_a_parameter_is_never_in_force(
    tables: DynamoRoutingTables,
) -> None:
    pts = tuple(
        Route(kind=OptionKind.PROVISIONED, address=pt_arn(number), weight=0.0125)
        for number in range(80)
    )
    spill = Route(kind=OptionKind.ON_DEMAND, address=MODEL, weight=0.0)
    table = replace(build_table(1), routes=(*pts, spill))

    with pytest.raises(ConfigurationError, match="81 routes, a parameter holds 8,192"):
        tables.publish(table)
    with pytest.raises(ConfigurationError, match="8,192"):
        tables.project(table)

    assert tables.current("chat") is None


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"refresh_seconds": 0}, "refresh_seconds"),
        (
            {"routes": (Route(kind=OptionKind.ON_DEMAND, address=MODEL, weight=1.0, region="us"),)},
            "region",
        ),
        (
            {"deferrable": (Route(kind=OptionKind.ON_DEMAND, address=MODEL, weight=2.0),)},
            "deferrable",
        ),
    ],
)
def test_a_table_that_callers_would_refuse_is_never_in_force(
    tables: DynamoRoutingTables, changes: dict[str, Any], problem: str
) -> None:
    tables.publish(build_table(1))
    before = tables.current("chat")

    with pytest.raises(ConfigurationError, match=problem):
        tables.publish(replace(build_table(2), **changes))
    with pytest.raises(ConfigurationError, match=problem):
        tables.overtake(replace(build_table(1), **changes))

    assert tables.current("chat") == before


def test_a_lost_answer_is_settled_by_reading_back(
    tables: DynamoRoutingTables, faulty_dynamodb: FaultyClient
) -> None:
    faulty_dynamodb.fail_next(NO_ANSWER, method="transact_write_items", after_effect=True)

    tables.publish(build_table(1))

    assert tables.current("chat") == build_table(1)


def test_a_publish_that_does_not_show_has_an_unknown_outcome(
    tables: DynamoRoutingTables, faulty_dynamodb: FaultyClient
) -> None:
    faulty_dynamodb.fail_next(NO_ANSWER, method="transact_write_items")

    with pytest.raises(UnknownOutcomeError):
        tables.publish(build_table(1))


def test_a_newer_schema_is_neither_read_nor_overwritten(
    tables: DynamoRoutingTables, dynamodb: "DynamoDBClient"
) -> None:
    tables.publish(build_table(1))
    item = dynamodb.get_item(TableName=ROUTES, Key={"pk": {"S": "chat"}})["Item"]
    dynamodb.put_item(TableName=ROUTES, Item={**item, "schema": {"N": "2"}})

    with pytest.raises(ObservationError, match="schema"):
        tables.current("chat")
    with pytest.raises(StaleDecisionError):
        tables.publish(build_table(2))


def test_a_damaged_table_in_force_is_told(
    tables: DynamoRoutingTables, dynamodb: "DynamoDBClient"
) -> None:
    tables.publish(build_table(1))
    item = dynamodb.get_item(TableName=ROUTES, Key={"pk": {"S": "chat"}})["Item"]
    dynamodb.put_item(TableName=ROUTES, Item={**item, "document": {"S": "{}"}})

    with pytest.raises(ObservationError, match="routing table of chat cannot be read"):
        tables.current("chat")


def test_the_item_can_be_read_in_the_console(
    tables: DynamoRoutingTables, dynamodb: "DynamoDBClient"
) -> None:
    tables.publish(build_table(1))

    item = dynamodb.get_item(TableName=ROUTES, Key={"pk": {"S": "chat"}})["Item"]
    assert item["version"] == {"N": "1"}
    assert item["document"] == {"S": routing_table_text(build_table(1))}
    assert item["published_at"] == {"S": "2026-11-20T12:01:00Z"}
