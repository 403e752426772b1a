"""What came of a change of instances: looked up, and ended or given up, by the next run.

A change without an answer is never sent again: what the endpoint shows tells whether it was made.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bedrock_autoscaler.application.ports.bedrock import Endpoints
from bedrock_autoscaler.application.ports.ledger import Scalings
from bedrock_autoscaler.application.ports.persons import Reporter
from bedrock_autoscaler.domain.fleet.lifecycle import STUCK_AFTER
from bedrock_autoscaler.domain.fleet.scalings import EndpointRecord, ScalingIntent, ScalingState
from bedrock_autoscaler.domain.traffic.observation import EndpointState

GRACE = timedelta(minutes=25)
"""Until then an endpoint that stands as before proves nothing: as with purchases, a request may
take effect 10 minutes after it was sent, and what is shown may lag by 15."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescaling:
    """Settles the open changes of one target's endpoints; sends nothing but questions."""

    scalings: Scalings
    endpoints: Endpoints
    reporter: Reporter
    now: datetime

    def settle(self, record: EndpointRecord) -> tuple[EndpointRecord, str | None]:
        """The record as it is then kept, and what happened; None where nothing was open.

        Raises:
            ObservationError: the endpoint could not be read.
            StaleDecisionError: another run has settled it.
        """
        intent = record.open
        if intent is None:
            return record, None
        seen = self.endpoints.state(record.address)
        after = self._after(record, intent, seen)
        if after is None:
            self._tell_if_stuck(record, intent, seen)
            return record, "scaling under way"
        self.scalings.write(record, after)
        done = after.changes[-1]
        self.reporter.happened(
            "scaling_settled",
            record.target,
            decision_id=done.decision_id,
            endpoint=record.address,
            state=done.state.value,
            detail=done.detail,
        )
        if done.state is ScalingState.GIVEN_UP:
            self._alarm(record, done, done.detail)
        return after, f"scaling {done.state.value}"

    def _after(
        self, record: EndpointRecord, intent: ScalingIntent, seen: EndpointState
    ) -> EndpointRecord | None:
        """The record with the change's end; None while there is none."""
        if not seen.is_settled:
            return None
        if seen.instances == intent.to_instances:
            return record.stepped(ScalingState.DONE, ended_at=self.now)
        if self.now - intent.recorded_at < GRACE:
            return None
        detail = f"it runs {seen.instances} instances {GRACE // timedelta(minutes=1)} minutes later"
        return record.stepped(ScalingState.GIVEN_UP, detail, ended_at=self.now)

    def _tell_if_stuck(
        self, record: EndpointRecord, intent: ScalingIntent, seen: EndpointState
    ) -> None:
        if self.now - intent.recorded_at >= STUCK_AFTER:
            self._alarm(record, intent, f"it is still changing to {seen.instances} instances")

    def _alarm(self, record: EndpointRecord, intent: ScalingIntent, text: str) -> None:
        told = (
            f"{record.address} was to go from {intent.from_instances} to {intent.to_instances} "
            f"instances ({intent.decision_id}): {text}"
        )
        self.reporter.alarm("scaling_failed", record.target, told)
