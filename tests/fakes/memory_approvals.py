"""Requests and answers in memory; the answers are the consents of a memory ledger."""

from dataclasses import replace
from datetime import datetime

from bedrock_autoscaler.application.errors import StaleDecisionError
from bedrock_autoscaler.domain.consents.consent import REJECTED, RecordedConsent, Request
from tests.fakes.failures import Failures
from tests.fakes.memory_ledger import MemoryFleets


class MemoryApprovals(Failures):
    """Approvals beside the ledger whose purchases use the consents up."""

    def __init__(self, fleets: MemoryFleets) -> None:
        super().__init__()
        self._fleets = fleets
        self._asked: dict[str, Request] = {}

    def ask(self, request: Request) -> bool:
        """Keep it; False when its id is taken."""
        self._begin("ask")
        is_new = request.id not in self._asked
        self._asked.setdefault(request.id, request)
        self._end("ask")
        return is_new

    def asked(self, target: str, since: datetime) -> tuple[Request, ...]:
        """Those of the target that end later."""
        self._begin("asked")
        found = [
            request
            for request in self._asked.values()
            if request.target == target and request.expires_at > since
        ]
        return tuple(sorted(found, key=lambda request: (request.asked_at, request.id)))

    def answer(self, consent_id: str) -> RecordedConsent | None:
        """What a person said."""
        self._begin("answer")
        return self._fleets.consents.get(consent_id)

    def give(self, consent: RecordedConsent) -> bool:
        """Keep it; False when its id is taken."""
        self._begin("give")
        is_new = consent.id not in self._fleets.consents
        self._fleets.consents.setdefault(consent.id, consent)
        self._end("give")
        return is_new

    def take_back(self, consent: RecordedConsent, by: str, at: datetime) -> None:
        """Mark it as rejected while nothing has used it."""
        self._begin("take_back")
        kept = self._fleets.consents.get(consent.id)
        if kept is None or not kept.is_open:
            raise StaleDecisionError(f"consent {consent.id} is not open any more")
        self._fleets.consents[consent.id] = replace(
            kept, used_by=REJECTED, rejected_by=by, rejected_at=at
        )
        self._end("take_back")
