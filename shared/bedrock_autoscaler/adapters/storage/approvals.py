"""Requests to persons in the ledger, and their answers in the table of consents.

Keys: `TARGET#<name>` with `ASKED#<id>` in the ledger; `<id>` in the table of consents. Only a
person's command writes answers: the functions' roles read them and use them up.
"""

from datetime import datetime
from typing import TYPE_CHECKING, override

from pydantic import TypeAdapter

from bedrock_autoscaler.adapters.storage.codec import (
    SCHEMA,
    decode_flat,
    encode_flat,
    require_schema,
)
from bedrock_autoscaler.adapters.storage.intents import CONSENT, partition, to_consent
from bedrock_autoscaler.adapters.storage.table import (
    ConditionFailedError,
    Item,
    NoAnswerError,
    Table,
)
from bedrock_autoscaler.application.errors import StaleDecisionError, UnknownOutcomeError
from bedrock_autoscaler.application.ports.persons import Answers, Approvals
from bedrock_autoscaler.domain.consents.consent import REJECTED, RecordedConsent, Request

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_REQUEST = TypeAdapter(Request)
_ASKED = "ASKED#"
_ABSENT = "attribute_not_exists(#pk)"
_STILL_OPEN = "attribute_exists(#pk) AND attribute_not_exists(#used_by)"
_REJECT = "SET #used_by = :rejected, #rejected_by = :by, #rejected_at = :at"


class DynamoApprovals(Approvals, Answers):
    """Approvals over two tables.

    Args:
        client: DynamoDB.
        table: the ledger.
        consents: the table of consents; None where nobody can agree to anything.
    """

    def __init__(self, client: "DynamoDBClient", table: str, consents: str | None) -> None:
        self._table = Table(client, table)
        self._consents = Table(client, consents) if consents else None

    @override
    def ask(self, request: Request) -> bool:
        """Put it on absence; a look tells whether an earlier run of the tick has asked."""
        key = {"pk": partition(request.target), "sk": f"{_ASKED}{request.id}"}
        if self._table.get(key, attributes=("pk",)) is not None:
            return False
        item = {**key, "schema": SCHEMA, **encode_flat(_REQUEST, request)}
        item["usd_per_hour"] = request.usd_per_hour
        try:
            self._table.put(item, condition=_ABSENT)
        except ConditionFailedError:
            return False
        except NoAnswerError as error:
            raise UnknownOutcomeError(f"request {request.id}: {error}") from error
        return True

    @override
    def asked(self, target: str, since: datetime) -> tuple[Request, ...]:
        """Those of the partition that end later; a year has some hundreds at most."""
        items = self._table.query(partition(target), first=_ASKED, last=f"{_ASKED}~")
        found = [_to_request(item) for item in items]
        current = [request for request in found if request.expires_at > since]
        return tuple(sorted(current, key=lambda request: (request.asked_at, request.id)))

    @override
    def answer(self, consent_id: str) -> RecordedConsent | None:
        """The item of this id."""
        item = self._consents.get({"pk": consent_id}) if self._consents else None
        return None if item is None else to_consent(item, consent_id)

    @override
    def give(self, consent: RecordedConsent) -> bool:
        """Put it on absence; the attribute of a use is there only for a refusal."""
        if self._consents is None:
            return False
        item = _to_item(consent)
        try:
            self._consents.put(item, condition=_ABSENT)
        except ConditionFailedError:
            return False
        except NoAnswerError as error:
            raise UnknownOutcomeError(f"consent {consent.id}: {error}") from error
        return True

    @override
    def take_back(self, consent: RecordedConsent, by: str, at: datetime) -> None:
        """Mark it as used up by nobody, which the purchase's own condition respects."""
        if self._consents is None:
            return
        change = self._consents.to_update(
            {"pk": consent.id},
            _REJECT,
            condition=_STILL_OPEN,
            rejected=REJECTED,
            by=by,
            at=at.isoformat(),
        )
        try:
            self._consents.transact(change)
        except ConditionFailedError as error:
            raise StaleDecisionError(f"consent {consent.id} is not open any more") from error
        except NoAnswerError as error:
            raise UnknownOutcomeError(f"consent {consent.id}: {error}") from error


def _to_item(consent: RecordedConsent) -> Item:
    """The item of an answer: no attribute for what is None, or a use could not be told."""
    plain = encode_flat(CONSENT, consent)
    item = {name: value for name, value in plain.items() if value is not None and name != "id"}
    return {"pk": consent.id, **item, "max_usd_per_hour": consent.max_usd_per_hour}


def _to_request(item: Item) -> Request:
    subject = f"request {item['sk']}"
    require_schema(item.get("schema"), subject)
    return decode_flat(_REQUEST, item, subject)
