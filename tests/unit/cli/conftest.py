"""A small ledger for all commands that read one."""

from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from bedrock_autoscaler.adapters.storage.decisions import DynamoDecisions
from bedrock_autoscaler.adapters.storage.fleets import DynamoFleets
from bedrock_autoscaler.cli.decisions.sources import write_export
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, REGION
from tests.intents import reserve
from tests.tables import make_tables
from tests.unit.cli.ledgers import TABLE, busy_situation, intent_of, quiet_situation, recorded


@pytest.fixture(scope="session")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger with a purchase decision and its intent, a later hold and a routing decision."""
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        environment.setenv("AWS_ACCESS_KEY_ID", "testing")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        client = boto3.client("dynamodb", region_name=REGION)
        make_tables(client, {TABLE: ("pk", "sk")})
        decisions = DynamoDecisions(client, TABLE)
        purchase = recorded(busy_situation())
        decisions.record(purchase)
        decisions.record(recorded(replace(quiet_situation(), scheduled_at=NOW + 15 * MINUTE)))
        decisions.record(recorded(replace(quiet_situation(), loop=Loop.ROUTING)))
        reserve(DynamoFleets(client, TABLE), intent_of(purchase.decision.id))
        path = tmp_path_factory.mktemp("export") / "ledger.jsonl.gz"
        assert write_export(client, TABLE, path) > 4
    return path
