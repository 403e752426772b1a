"""The beginning of a release: the intent that takes a PT out of the routing table."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self, override

from bedrock_autoscaler.application.acting import MovablePorts
from bedrock_autoscaler.application.fleets.places import PlaceAdapters
from bedrock_autoscaler.application.ports.bedrock import Releasing
from bedrock_autoscaler.application.ports.cloudwatch import Metrics
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.ports.tables import RoutingTables
from bedrock_autoscaler.application.purchasing.breaking import breaker_problem
from bedrock_autoscaler.application.releasing.draining import (
    RELEASABLE,
    bound_problem,
    day_problem,
    hour_problem,
    leaving_of,
    purchase_of,
)
from bedrock_autoscaler.application.ticking import carrying_problem, moved_problem, period_of
from bedrock_autoscaler.domain.decision import Release
from bedrock_autoscaler.domain.fleet.intent import FleetRecord, ReleaseIntent, ReleaseState
from bedrock_autoscaler.domain.target import Commitment, Loop, Mode, Target
from bedrock_autoscaler.domain.units import end_text, units_text


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePorts(MovablePorts):
    """What the release actor needs.

    Attributes:
        deployment: value of our owner tag.
    """

    releasing: Releasing
    metrics: Metrics
    tables: RoutingTables
    deployment: str

    @override
    def moved(self, there: PlaceAdapters) -> Self:
        """The same with the parts of another place."""
        return replace(
            self,
            releasing=there.releasing,
            metrics=there.metrics,
            tables=there.tables,
            deployment=there.owner,
        )


def is_fresh(recorded: RecordedDecision, target: Target, now: datetime) -> bool:
    """Whether a capacity decision may still be carried out."""
    period = period_of(Loop.CAPACITY, target)
    return carrying_problem(recorded, now, period) is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """Begins what one fresh decision of one target asks for."""

    ports: ReleasePorts
    target: Target
    releases: tuple[ReleaseIntent, ...]
    latest: RecordedDecision
    now: datetime

    def run(self) -> str | None:
        """Begin the release that the decision names; None when it names none or it was begun."""
        decision = self.latest.decision
        wanted = next((act for act in decision.actions if isinstance(act, Release)), None)
        wanted = wanted or self._failed()
        if wanted is None or any(r.decision_id == decision.id for r in self.releases):
            return None
        record = self.ports.fleets.record_of(self.target.name)
        problem = self._problem(wanted, record)
        if problem:
            return self._held(problem)
        if self.target.mode is Mode.ADVISE:
            return self._advise(wanted)
        if not self.ports.switch.allows_action(self.target.name):
            return self._held("the switch does not permit action")
        return self._begin(wanted, record)

    def _failed(self) -> Release | None:
        """A PT of ours that never came into service: it serves nobody and may be billed.

        No rule has to weigh that, so it is given up without being named by the decision. One under
        a term stays, and holds no other back.
        """
        under_way = leaving_of(self.releases)
        for pt in self.latest.situation.fleet.failed:
            if pt.arn not in under_way and pt.commitment is Commitment.NONE:
                return Release(arn=pt.arn, model_units=pt.model_units)
        return None

    def _begin(self, wanted: Release, record: FleetRecord) -> str:
        """Write it with the present moment: the hour of a run that was held up counts from here."""
        intent = ReleaseIntent(
            decision_id=self.latest.decision.id,
            target=self.target.name,
            arn=wanted.arn,
            model_units=wanted.model_units,
            state=ReleaseState.WITHDRAWN,
            recorded_at=self.ports.clock.now(),
            withdrawn_version=None,
            withdrawn_at=None,
            ended_at=None,
            detail="",
            version=1,
        )
        self.ports.fleets.begin_release(intent, fleet=record)
        self._report("release_begun", wanted)
        return f"withdrawn {intent.model_units}"

    def _problem(self, wanted: Release, record: FleetRecord) -> str | None:
        """What speaks against it; None when nothing does.

        Releases are read after the record: one that another run begins later moves that.
        """
        releases = self.ports.fleets.releases(self.target.name)
        leaving = leaving_of(releases)
        if wanted.arn in leaving:
            return "it is being released already"
        if not self.latest.situation.fleet.complete:
            return "the list of provisioned throughputs was not read to its end"
        problem = (
            day_problem(self.target, releases, self.now)
            or breaker_problem(record)
            or self.target.controls.shrink_problem(self.now)
            or self._term_problem(wanted.arn)
            or moved_problem(self.latest, record)
        )
        if problem:
            return problem
        purchases = self.ports.fleets.purchases(self.target.name)
        purchase = purchase_of(wanted.arn, purchases)
        if purchase is None or purchase.state not in RELEASABLE:
            return f"the ledger holds no purchase of {wanted.arn}"
        if purchase.model_units != wanted.model_units:
            return f"{wanted.arn} has {units_text(purchase.model_units)}, not {wanted.model_units}"
        return bound_problem(wanted.arn, self.target, purchases, leaving) or hour_problem(
            self.target, purchases, releases, self.now, wanted=wanted
        )

    def _term_problem(self, arn: str) -> str | None:
        """Nobody may delete it; what is withdrawn all the same is paid for and serves no one."""
        for pt in self.latest.situation.fleet.throughputs:
            if pt.arn == arn and pt.commitment is not Commitment.NONE:
                return f"{arn} is under a term until {end_text(pt.committed_until)}"
        return None

    def _advise(self, wanted: Release) -> str:
        if self.ports.once.is_first(self.latest.decision.id):
            self._report("would_release", wanted)
        return "would release"

    def _held(self, reason: str) -> str:
        decision_id = self.latest.decision.id
        if self.ports.once.is_first(f"{decision_id} {reason}"):
            self.ports.reporter.happened(
                "release_held", self.target.name, decision_id=decision_id, reason=reason
            )
        return "release held"

    def _report(self, event: str, wanted: Release) -> None:
        self.ports.reporter.happened(
            event,
            self.target.name,
            decision_id=self.latest.decision.id,
            arn=wanted.arn,
            units=wanted.model_units,
        )
