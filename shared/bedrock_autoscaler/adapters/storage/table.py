"""A DynamoDB table: consistent reads, conditional writes, and its errors in our words."""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from time import sleep
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # noqa: A004 - botocore's name
from botocore.parsers import ResponseParserError

from bedrock_autoscaler.application.errors import AutoscalerError, ObservationError
from bedrock_autoscaler.sdk_errors import code_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

type Item = dict[str, Any]
"""Attributes by name: str, int or Decimal, bytes, bool, None, and lists or dicts of them."""

type _Wire = dict[str, Any]
"""One value as the SDK takes and gives it: its type and itself."""

type Change = dict[str, Any]
"""One write of a transaction, as the SDK takes it."""

MAX_ITEM_BYTES = 360 * 1024
"""DynamoDB refuses 400 KB; the margin covers what its own count adds to ours."""

_NUMBER_BYTES = 21
_CONDITION = "ConditionalCheckFailed"
_MET_ANOTHER = "TransactionConflict"
_PAUSES_SECONDS = (0.05, 0.1)
"""Before a transaction that met another one is made again; that one takes some milliseconds."""
_OUR_FAULT = frozenset({"SerializationException", "ValidationException"})
"""Codes that only a mistake in this package brings about; they pass through."""
_NETWORK = (ConnectionError, HTTPClientError, ResponseParserError)
_FAILURES = (ClientError, *_NETWORK)
_NO_ACCESS = frozenset({"AccessDeniedException", "ResourceNotFoundException"})


class ConditionFailedError(AutoscalerError):
    """A condition did not hold, or another transaction was at the same item; nothing changed.

    Attributes:
        existing: per change its item as it stands where its own condition failed, else None.
            An empty item stands for one whose content was not told.
    """

    def __init__(self, message: str, *, existing: Sequence[Item | None]) -> None:
        """Keep the items beside the message."""
        super().__init__(message)
        self.existing = tuple(existing)


class NoAnswerError(AutoscalerError):
    """A write may or may not have taken effect; read back before saying anything."""


class Table:
    """One table with the keys `pk` and, where it has one, `sk`."""

    def __init__(self, client: "DynamoDBClient", name: str) -> None:
        self._client = client
        self._name = name
        self._serializer = TypeSerializer()
        self._deserializer = TypeDeserializer()

    def get(self, key: Item, *, attributes: Sequence[str] = ()) -> Item | None:
        """The item, or those attributes of it, read consistently; None when there is none.

        Raises:
            ObservationError: it could not be read.
        """
        request: dict[str, Any] = {"Key": self._to_wire(key), "ConsistentRead": True}
        try:
            response = self._client.get_item(
                TableName=self._name, **request, **_projection(attributes)
            )
        except _FAILURES as error:
            raise self._unreadable(error) from error
        found = response.get("Item")
        return self._from_wire(found) if found else None

    def query(
        self,
        pk: str,
        *,
        first: str,
        last: str,
        attributes: Sequence[str] = (),
        newest: int | None = None,
        is_consistent: bool = True,
    ) -> Iterator[Item]:
        """Items whose `sk` lies in [first, last], ascending, to the last page.

        Args:
            pk: the partition.
            first: lowest sort key, included.
            last: highest sort key, included.
            attributes: those wanted; all when empty.
            newest: only so many, from the end and in descending order.
            is_consistent: whether all that was ever written is there; what was written in the last
                seconds may else be missing, at half the price.

        Raises:
            ObservationError: a page could not be read.
        """
        names: Item = {"#pk": "pk", "#sk": "sk", **_names(attributes)}
        request: dict[str, Any] = {
            "KeyConditionExpression": "#pk = :pk AND #sk BETWEEN :first AND :last",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": self._to_wire({":pk": pk, ":first": first, ":last": last}),
            "ConsistentRead": is_consistent,
            "ScanIndexForward": newest is None,
        }
        if attributes:
            request["ProjectionExpression"] = ", ".join(f"#{name}" for name in attributes)
        if newest is not None:
            request["Limit"] = newest
        left = newest
        while True:
            try:
                page = self._client.query(TableName=self._name, **request)
            except _FAILURES as error:
                raise self._unreadable(error) from error
            items = page["Items"][:left]
            yield from (self._from_wire(item) for item in items)
            left = None if left is None else left - len(items)
            if left == 0 or "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def put(self, item: Item, *, condition: str = "", **values: object) -> None:
        """Write one item under a condition such as `#version = :seen`, with `seen=3`.

        Raises:
            ConditionFailedError: the condition did not hold.
            NoAnswerError: it may have been written.
            ObservationError: the item is too large, or the table cannot be written to.
        """
        try:
            self._client.put_item(
                TableName=self._name,
                Item=self._bounded(item),
                **self._condition(condition, values),
            )
        except _FAILURES as error:
            raise self._unwritten(error) from error

    def to_put(self, item: Item, *, condition: str = "", **values: object) -> Change:
        """The change of `put`, for a transaction."""
        members = self._condition(condition, values)
        return {"Put": {"TableName": self._name, "Item": self._bounded(item), **members}}

    def to_update(self, key: Item, expression: str, *, condition: str, **values: object) -> Change:
        """A change of one item, for a transaction; both texts use `#name` and `:value`."""
        members = self._condition(condition, values, expression)
        place = {"TableName": self._name, "Key": self._to_wire(key)}
        return {"Update": {**place, "UpdateExpression": expression, **members}}

    def transact(self, *changes: Change) -> None:
        """Make all changes or none.

        The SDK gives each call a token of its own, by which DynamoDB knows its retries: unlike a
        conditional put, a retry after a lost answer does not trip over its own effect. A
        transaction that only met another one, say of another target at the sums, changed nothing
        and is made again.

        Raises:
            ConditionFailedError: a condition did not hold, or the items were being changed.
            NoAnswerError: the changes may have been made.
            ObservationError: the table cannot be written to.
        """
        items: list[Any] = list(changes)
        for pause in (*_PAUSES_SECONDS, None):
            try:
                self._client.transact_write_items(TransactItems=items)
            except _FAILURES as error:
                if pause is None or not _met_another(error):
                    raise self._unwritten(error) from error
                sleep(pause)
            else:
                return

    # -- the wire ------------------------------------------------------------------------------

    def _to_wire(self, values: Mapping[str, object]) -> Item:
        return {name: self._wired(value) for name, value in values.items()}

    def _wired(self, value: object) -> _Wire:
        """A value in wire form; the SDK's serializer, which asks much, has the rare ones."""
        if isinstance(value, str):
            return {"S": value}
        if isinstance(value, bytes):
            return {"B": value}
        if isinstance(value, list):
            return {"L": [self._wired(each) for each in value]}
        if type(value) is int:
            return {"N": str(value)}
        if value is None:
            return {"NULL": True}
        return dict(self._serializer.serialize(value))

    def _from_wire(self, item: Mapping[str, Any]) -> Item:
        return {name: self._plain(value) for name, value in item.items()}

    def _plain(self, value: _Wire) -> object:
        """The value of a wire form; a worker reads hundreds of them for each decision."""
        kind, held = next(iter(value.items()))
        if kind in {"S", "B"}:
            return held
        if kind == "N":
            return Decimal(held)
        if kind == "L":
            return [_number(one["N"]) if "N" in one else self._plain(one) for one in held]
        wire: Any = value
        return self._deserializer.deserialize(wire)

    def _bounded(self, item: Item) -> Item:
        size = _size(item)
        if size > MAX_ITEM_BYTES:
            raise ObservationError(
                f"item {item['pk']} {item.get('sk', '')} has about {size} bytes, at most "
                f"{MAX_ITEM_BYTES} are written"
            )
        return self._to_wire(item)

    def _condition(
        self, condition: str, values: Mapping[str, object], expression: str = ""
    ) -> dict[str, Any]:
        """The request members for a condition; names follow from what it mentions."""
        request: dict[str, Any] = {}
        names = _names(re.findall(r"#(\w+)", f"{condition} {expression}"))
        if names:
            request["ExpressionAttributeNames"] = names
        if condition:
            request["ConditionExpression"] = condition
            request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        if values:
            request["ExpressionAttributeValues"] = self._to_wire(
                {f":{name}": value for name, value in values.items()}
            )
        return request

    # -- errors --------------------------------------------------------------------------------

    def _unreadable(self, error: Exception) -> Exception:
        """ObservationError, unless the request itself was wrong."""
        code = code_of(error)
        if code in _OUR_FAULT:
            return error
        return ObservationError(f"table {self._name} could not be read: {code}")

    def _unwritten(self, error: Exception) -> Exception:
        code = code_of(error)
        if code == "ConditionalCheckFailedException" and isinstance(error, ClientError):
            existing = self._existing(error.response)
            return ConditionFailedError(f"table {self._name}: {code}", existing=[existing])
        if code == "TransactionCanceledException" and isinstance(error, ClientError):
            return self._cancelled(error)
        if code in _NO_ACCESS:
            return ObservationError(f"table {self._name} could not be written: {code}")
        if code in _OUR_FAULT:
            return error
        # Whatever else it says, an earlier attempt of the same call, which the SDK retries, may
        # have taken effect.
        return NoAnswerError(f"table {self._name} gave no answer to a write: {code}")

    def _cancelled(self, error: ClientError) -> AutoscalerError:
        reasons = _reasons(error)
        codes = [reason.get("Code", "None") for reason in reasons]
        if _CONDITION in codes or _MET_ANOTHER in codes:
            existing = [
                self._existing(reason) if reason.get("Code") == _CONDITION else None
                for reason in reasons
            ]
            return ConditionFailedError(
                f"table {self._name}: transaction cancelled: {', '.join(codes)}", existing=existing
            )
        return NoAnswerError(f"table {self._name}: transaction cancelled: {', '.join(codes)}")

    def _existing(self, told: Mapping[str, Any]) -> Item:
        return self._from_wire(told.get("Item", {}))


@lru_cache(maxsize=256)
def _number(text: str) -> Decimal:
    """Of a list, whose numbers are small ones and mostly alike."""
    return Decimal(text)


def _names(attributes: Sequence[str]) -> dict[str, str]:
    """Aliases for all: many plain words are reserved in expressions."""
    return {f"#{name}": name for name in attributes}


def _projection(attributes: Sequence[str]) -> dict[str, Any]:
    if not attributes:
        return {}
    return {
        "ProjectionExpression": ", ".join(f"#{name}" for name in attributes),
        "ExpressionAttributeNames": _names(attributes),
    }


def _reasons(error: ClientError) -> Sequence[Any]:
    """Why a transaction was cancelled, for each of its changes."""
    reasons: Sequence[Any] = error.response.get("CancellationReasons", ())
    return reasons


def _met_another(error: Exception) -> bool:
    """Whether a transaction changed nothing for no other reason than that one was at its items."""
    if not isinstance(error, ClientError):
        return False
    codes = {reason.get("Code", "None") for reason in _reasons(error)}
    return _MET_ANOTHER in codes and codes <= {_MET_ANOTHER, "None"}


def _size(value: object) -> int:
    """About the bytes that DynamoDB counts: UTF-8, raw bytes, and a little for each number."""
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode())
    if isinstance(value, int):
        return _NUMBER_BYTES
    if isinstance(value, bytes):
        return len(value)
    size = 0
    if isinstance(value, dict):
        for name, member in value.items():
            size += len(name) + _size(member) + 1  # the names are ours, and ASCII
        return size
    if isinstance(value, (list, tuple)):
        for member in value:
            size += _size(member) + 1
        return size
    return _NUMBER_BYTES
