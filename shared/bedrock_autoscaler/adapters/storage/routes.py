"""Routing tables: the authority in DynamoDB, and the parameter per target that callers read.

Items of the routes table have the target's name as `pk`; `document` is the text that callers get.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, override

from botocore.exceptions import BotoCoreError, ClientError

from bedrock_autoscaler.adapters.storage.codec import SCHEMA, require_schema
from bedrock_autoscaler.adapters.storage.kept import Kept
from bedrock_autoscaler.adapters.storage.table import (
    ConditionFailedError,
    Item,
    NoAnswerError,
    Table,
)
from bedrock_autoscaler.application.errors import (
    ConfigurationError,
    ObservationError,
    StaleDecisionError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.application.ports.tables import RoutingTables
from bedrock_autoscaler.client.document import parse_routing_table, routing_table_text
from bedrock_autoscaler.client.schema import MAX_VERSION
from bedrock_autoscaler.domain.routing.table import MOST_BYTES, RoutingTable
from bedrock_autoscaler.domain.units import iso
from bedrock_autoscaler.sdk_errors import code_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ssm import SSMClient

_PARSED_BYTES = 16 * 1024 * 1024
"""About ten thousand tables of one route."""

_SIZE_IN_MEMORY = 4
"""Bytes of a table and its text by one of the text."""

_REPLACE = (
    "SET #schema = :schema, #version = :version, #document = :document, "
    "#published_at = :published_at, #decision_id = :decision_id"
)


class DynamoRoutingTables(RoutingTables):
    """Routing tables over one table and the parameters `<prefix>/routes/<target>`."""

    def __init__(
        self, dynamodb: "DynamoDBClient", table: str, ssm: "SSMClient", prefix: str
    ) -> None:
        self._table = Table(dynamodb, table)
        self._ssm = ssm
        self._path = f"{prefix}/routes"
        # By its text, which changes seldom: checking it takes much longer than comparing it.
        self._parsed: Kept[str, tuple[RoutingTable, int]] = Kept(
            _PARSED_BYTES, lambda parsed: _SIZE_IN_MEMORY * parsed[1]
        )

    @override
    def current(self, target: str) -> RoutingTable | None:
        """The item of the target.

        Raises:
            ObservationError: it could not be read, or a newer version of this code wrote it.
        """
        item = self._table.get({"pk": target})
        if item is None:
            return None
        subject = f"routing table of {target}"
        require_schema(item.get("schema"), subject)
        text = str(item["document"])
        parsed = self._parsed.get(text)
        if parsed is None:
            parsed = _parse(item, subject), len(text)
            self._parsed.add(text, parsed)
        return parsed[0]

    @override
    def publish(self, table: RoutingTable) -> None:
        """Update the item on the condition that it is at the version before.

        Raises:
            StaleDecisionError: another version is in force.
            ConfigurationError: the callers' copy could not hold it, or callers would refuse it.
            UnknownOutcomeError: no answer came, and the table was not there afterwards.
        """
        self._write(table, before=table.version - 1)

    @override
    def overtake(self, table: RoutingTable) -> RoutingTable:
        """Update the item on the condition that it is at the table's version.

        Raises:
            StaleDecisionError: another version is in force.
            ConfigurationError: the copy's version leaves no room for further ones, or callers would
                refuse the table.
            ObservationError: the copy could not be read.
            UnknownOutcomeError: no answer came, and the table was not there afterwards.
        """
        seen = max(_version_of(self._read(table.target)), table.version)
        if seen > MAX_VERSION // 2:
            raise ConfigurationError(
                f"callers of {table.target} read version {seen}, which leaves no room above it: "
                f"delete the parameter {self._path}/{table.target}, and restart the callers"
            )
        above = replace(table, version=seen + 1)
        self._write(above, before=table.version)
        return above

    def _write(self, table: RoutingTable, *, before: int) -> None:
        """Put the table in force where the version `before` (0: none) is."""
        text = _bounded_text(table)
        _require_readable(text, table)
        condition = "attribute_not_exists(#pk)"
        values: Item = {}
        if before:
            condition = "#version = :before AND #schema <= :schema"
            values = {"before": before}
        change = self._table.to_update(
            {"pk": table.target},
            _REPLACE,
            condition=condition,
            schema=SCHEMA,
            version=table.version,
            document=text,
            published_at=iso(table.published_at),
            decision_id=table.decision_id,
            **values,
        )
        try:
            self._table.transact(change)
        except ConditionFailedError as error:
            version = (error.existing[0] or {}).get("version", "unknown")
            raise StaleDecisionError(
                f"routing table of {table.target} is at version {version}, {table.version} cannot "
                "follow"
            ) from error
        except NoAnswerError as error:
            if self.current(table.target) != table:
                raise UnknownOutcomeError(f"routing table of {table.target}: {error}") from error

    @override
    def is_projected(self, table: RoutingTable) -> bool:
        """Whether the parameter has the table's text.

        Raises:
            ConfigurationError: the table does not fit into a parameter.
            ObservationError: the parameter could not be read.
        """
        return self._read(table.target) == _bounded_text(table)

    @override
    def project(self, table: RoutingTable) -> None:
        """Read the parameter, write it where it differs, and read it back.

        Raises:
            StaleDecisionError: callers have a newer version already.
            ConfigurationError: the table does not fit into a parameter.
            ObservationError: the parameter could not be read or written.
        """
        text = _bounded_text(table)
        seen = self._read(table.target)
        if seen == text:
            return
        _require_not_newer(seen, table)
        name = f"{self._path}/{table.target}"
        try:
            # A parameter costs 0.05 USD a month once a table has had more than 4,096 bytes.
            self._ssm.put_parameter(
                Name=name, Value=text, Type="String", Overwrite=True, Tier="Intelligent-Tiering"
            )
        except (BotoCoreError, ClientError) as error:
            raise ObservationError(f"{name} could not be written: {code_of(error)}") from error
        if self._read(table.target) != text:
            raise ObservationError(f"{name} does not show version {table.version} yet")

    def projected(self, target: str) -> RoutingTable | None:
        """The table that callers of the target read; None when there is none.

        Raises:
            ObservationError: it could not be read, or is no table.
        """
        text = self._read(target)
        if text is None:
            return None
        return _parse({"document": text}, f"callers' routing table of {target}")

    def _read(self, target: str) -> str | None:
        name = f"{self._path}/{target}"
        try:
            answer = self._ssm.get_parameter(Name=name)
        except (BotoCoreError, ClientError) as error:
            if code_of(error) == "ParameterNotFound":
                return None
            raise ObservationError(f"{name} could not be read: {code_of(error)}") from error
        return answer["Parameter"]["Value"]


def _bounded_text(table: RoutingTable) -> str:
    text = routing_table_text(table)
    size = len(text.encode())
    if size > MOST_BYTES:
        raise ConfigurationError(
            f"routing table of {table.target} has {size} bytes with {len(table.routes)} routes, a "
            f"parameter holds {MOST_BYTES:,}; give the target fewer options or larger units"
        )
    return text


def _require_readable(text: str, table: RoutingTable) -> None:
    """Callers read with this very parser: what it refuses would leave them an older table."""
    try:
        parse_routing_table(text)
    except ValueError as error:
        raise ConfigurationError(f"callers of {table.target} would refuse it: {error}") from error


def _parse(item: Item, subject: str) -> RoutingTable:
    try:
        return parse_routing_table(item["document"])
    except ValueError as error:
        raise ObservationError(f"{subject} cannot be read: {error}") from error


def _require_not_newer(seen: str | None, table: RoutingTable) -> None:
    """An older publisher must not undo a newer one; what callers cannot read may be replaced."""
    version = _version_of(seen)
    if version > table.version:
        raise StaleDecisionError(
            f"callers of {table.target} read version {version}, newer than {table.version}"
        )


def _version_of(text: str | None) -> int:
    """The version that callers read; 0 where there is none, or nothing that they can read."""
    try:
        return parse_routing_table(text).version if text else 0
    except ValueError:
        return 0
