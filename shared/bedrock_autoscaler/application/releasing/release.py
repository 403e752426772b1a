"""The release actor: withdraw, drain, see silence, delete in the last minutes of a paid period.

The order is fixed. The intent comes first; the publish actor then leaves the PT out of the table;
callers' old tables and running calls are waited for; silence is read as such; and right before
the Delete everything is looked at again. Whatever does not fit waits, and a missed window waits
for the end of the next paid period.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from bedrock_autoscaler.application.errors import (
    CommitmentActiveError,
    ThroughputNotFoundError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.application.fleets.places import Place
from bedrock_autoscaler.application.observing.surveying import GRACE
from bedrock_autoscaler.application.ports.bedrock import ListedThroughput
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.purchasing.accounting import has_never_served
from bedrock_autoscaler.application.purchasing.breaking import breaker_problem
from bedrock_autoscaler.application.releasing.draining import (
    RELEASABLE,
    Silence,
    bound_problem,
    closed_for,
    day_problem,
    drain_problem,
    hour_problem,
    identity_problem,
    leaving_of,
    purchase_of,
    tick_problem,
    window_problem,
)
from bedrock_autoscaler.application.releasing.withdrawing import ReleasePorts, Withdrawal, is_fresh
from bedrock_autoscaler.application.ticking import Deadline, Summary, has_time
from bedrock_autoscaler.domain.decision import Restore
from bedrock_autoscaler.domain.fleet.intent import (
    OPEN_RELEASES,
    PurchaseIntent,
    PurchaseState,
    ReleaseIntent,
    ReleaseState,
)
from bedrock_autoscaler.domain.fleet.lifecycle import stepped
from bedrock_autoscaler.domain.target import Commitment, Loop, Mode, Target
from bedrock_autoscaler.domain.units import end_text, units_text, whole_minutes


def release(scheduled_at: datetime | None, deadline: Deadline, ports: ReleasePorts) -> Summary:
    """Move each open release one step on, then begin what the newest decision asks for.

    A target has at most one Delete and one beginning in a tick. In mode `advise` nothing begins
    and nothing is deleted: what would have been released is reported, once for each decision.

    Raises:
        TargetsFailedError: the pass of some target failed; the others are done.
        ObservationError: the settings could not be read.
    """
    tick = ports.tick(scheduled_at)
    if tick is None:
        return Summary(outcomes=())

    def visit(target: Target) -> str:
        here = ports.at(Place.of(target))
        releases = ports.fleets.releases(target.name)
        latest = ports.decisions.latest(target.name, Loop.CAPACITY)
        releaser = _Releaser(
            ports=here,
            target=target,
            releases=releases,
            latest=latest,
            now=tick.now,
            since=tick.scheduled_at,
            sent_at=max(tick.scheduled_at, tick.now),
            deadline=deadline,
        )
        return releaser.run()

    return ports.visit_due(ports.read_settings().targets, tick, visit)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Releaser:
    """One pass for one target.

    Attributes:
        since: a Delete that went out from then on went out in this tick.
        sent_at: when its own goes out; a clock that is behind puts it into no earlier tick.
    """

    ports: ReleasePorts
    target: Target
    releases: tuple[ReleaseIntent, ...]
    latest: RecordedDecision | None
    now: datetime
    since: datetime
    sent_at: datetime
    deadline: Deadline

    def run(self) -> str:
        outcomes = []
        for intent in self.releases:
            if intent.state in OPEN_RELEASES:
                outcome, has_called = self._continue(intent)
                outcomes.append(outcome)
                if has_called:
                    break
        if self.latest is not None and is_fresh(self.latest, self.target, self.now):
            withdrawal = Withdrawal(
                ports=self.ports,
                target=self.target,
                releases=self.releases,
                latest=self.latest,
                now=self.now,
            )
            begun = withdrawal.run()
            outcomes += [begun] if begun else []
        return ", ".join(outcomes) or "nothing to release"

    def _continue(self, intent: ReleaseIntent) -> tuple[str, bool]:
        """The next step of one open release, and whether that was a Delete."""
        is_deleting = intent.state is ReleaseState.DELETING
        pt = self.ports.releasing.get(intent.arn) if is_deleting else None
        if is_deleting and pt is None:
            return self._finish(intent, "gone after its Delete"), False
        self._tell_if_unresolved(intent)
        if self.target.mode is Mode.ADVISE:
            return self._waits(intent, "the target is in mode advise"), False
        if self._is_restored(intent):
            return self._restore(intent), False
        by_hand = self.target.controls.shrink_problem(self.now)
        if by_hand:
            return self._waits(intent, by_hand), False
        return self._await_its_time(intent, pt)

    def _await_its_time(
        self, intent: ReleaseIntent, pt: ListedThroughput | None
    ) -> tuple[str, bool]:
        """Wait for the drain and the window, then look at the PT if that was not done."""
        purchases = self.ports.fleets.purchases(self.target.name)
        if _is_lost(intent, purchases):
            return self._cancel(intent, "lost before its Delete"), False
        purchase = purchase_of(intent.arn, purchases)
        problem = self._timing_problem(intent, purchases, self.now)
        if not has_never_served(purchase):
            problem = drain_problem(intent, self.target, self.now) or problem
        if problem:
            return self._waits(intent, problem), False
        pt = pt or self.ports.releasing.get(intent.arn)
        if pt is None and purchase is not None and purchase.state in RELEASABLE:
            # Not by us: the purchase actor calls it lost, once lists show that too.
            return self._waits(intent, "it is gone, and no Delete of it went out"), False
        if pt is None:
            return self._finish(intent, "gone before its Delete"), False
        return self._delete_if_clear(intent, pt, purchases)

    def _timing_problem(
        self, intent: ReleaseIntent, purchases: tuple[PurchaseIntent, ...], now: datetime
    ) -> str | None:
        purchase = purchase_of(intent.arn, purchases)
        return window_problem(purchase, self.target, now) if purchase else None

    def _delete_if_clear(
        self, intent: ReleaseIntent, pt: ListedThroughput, purchases: tuple[PurchaseIntent, ...]
    ) -> tuple[str, bool]:
        """Look at everything again, then delete; (outcome, whether a Delete was sent)."""
        purchase = purchase_of(intent.arn, purchases)
        foreign = identity_problem(pt, purchase, self.target, self.ports.deployment)
        if foreign:
            self.ports.reporter.alarm("release_foreign", self.target.name, foreign)
            return self._waits(intent, "tag and ledger do not agree that it is ours"), False
        if pt.commitment is not Commitment.NONE:
            return self._drop_committed(intent, pt), False
        silence = Silence(metrics=self.ports.metrics, tables=self.ports.tables)
        leaving = leaving_of(self.releases)
        problem = (
            breaker_problem(self.ports.fleets.record_of(self.target.name))
            or bound_problem(intent.arn, self.target, purchases, leaving)
            or tick_problem(self.releases, self.since)
            or self._pace_problem(intent, purchases, self.releases)
            or silence.problem(
                pt, intent, self.target, self.latest, purchase=purchase, now=self.now
            )
            or self._stop(intent, purchases)
        )
        if problem:
            return self._waits(intent, problem), False
        return self._delete(intent, pt), True

    def _pace_problem(
        self,
        intent: ReleaseIntent,
        purchases: tuple[PurchaseIntent, ...],
        releases: tuple[ReleaseIntent, ...],
    ) -> str | None:
        """Why one Delete more is too many, after those that were or may have been sent."""
        sent = {ReleaseState.DELETING, ReleaseState.DELETED}
        gone = tuple(r for r in releases if r.state in sent and r.decision_id != intent.decision_id)
        return (
            day_problem(self.target, gone, self.now)
            or hour_problem(self.target, purchases, gone, self.now, wanted=intent)
            or tick_problem(gone, self.since)
        )

    def _delete(self, intent: ReleaseIntent, pt: ListedThroughput) -> str:
        """Record that the Delete goes out, send it, and confirm what came of it."""
        sent = replace(intent, state=ReleaseState.DELETING, delete_sent_at=self.sent_at)
        deleting = self._update(intent, sent)
        # Whoever else deletes has written so before: of two runs one at least sees the other.
        state = self.ports.fleets.state_of(self.target.name)
        purchase = purchase_of(intent.arn, state.purchases)
        problem = (
            breaker_problem(state.record)
            or identity_problem(pt, purchase, self.target, self.ports.deployment)
            or bound_problem(intent.arn, self.target, state.purchases, leaving_of(state.releases))
            or self._pace_problem(intent, state.purchases, state.releases)
            or self._stop(intent, state.purchases)
        )
        if problem:
            unsent = replace(deleting, state=intent.state, delete_sent_at=intent.delete_sent_at)
            return self._waits(self._update(deleting, unsent), problem)
        try:
            self.ports.releasing.delete(intent.arn)
        except ThroughputNotFoundError:
            return self._finish(deleting, "was gone already")
        except CommitmentActiveError as error:
            self.ports.reporter.alarm("release_committed", self.target.name, str(error))
            return self._cancel(deleting, "under a term")
        except UnknownOutcomeError as error:
            self._report("release_unresolved", deleting, reason=str(error))
            return "release unresolved"
        if self.ports.releasing.get(intent.arn) is not None:
            return "deleting"
        return self._finish(deleting, "deleted")

    def _drop_committed(self, intent: ReleaseIntent, pt: ListedThroughput) -> str:
        until = end_text(pt.committed_until)
        text = f"{pt.arn} is under a term until {until}: it is not released"
        self.ports.reporter.alarm("release_committed", self.target.name, text)
        return self._cancel(intent, "under a term")

    def _finish(self, intent: ReleaseIntent, detail: str) -> str:
        """Free the units, then close the release: a stop in between is repeated harmlessly."""
        purchases = self.ports.fleets.purchases(self.target.name)
        purchase = purchase_of(intent.arn, purchases)
        if purchase is not None and purchase.state in RELEASABLE:
            ended = stepped(
                purchase,
                PurchaseState.RELEASED,
                ended_at=self.now,
                detail=f"released by {intent.decision_id}",
            )
            self.ports.fleets.update_purchase(purchase, ended)
        deleted = replace(intent, state=ReleaseState.DELETED, ended_at=self.now, detail=detail)
        done = self._update(intent, deleted)
        self._report("released", done, reason=detail)
        return f"released {intent.model_units}"

    def _cancel(self, intent: ReleaseIntent, detail: str) -> str:
        cancelled = replace(intent, state=ReleaseState.CANCELLED, ended_at=self.now, detail=detail)
        done = self._update(intent, cancelled)
        self._report("release_cancelled", done, reason=detail)
        return "release cancelled"

    def _restore(self, intent: ReleaseIntent) -> str:
        """Take a release back, unless a Delete of it was sent that may still take effect."""
        if intent.state is ReleaseState.DELETING:
            sent = intent.delete_sent_at
            if sent is None:  # a record of older code: from now on it is certain that none goes out
                self._update(intent, replace(intent, delete_sent_at=self.now))
            if sent is None or self.now - sent < GRACE:
                return self._waits(intent, "it is needed again, and a Delete of it was sent")
        return self._cancel(intent, "needed again")

    def _is_restored(self, intent: ReleaseIntent) -> bool:
        if self.latest is None or not is_fresh(self.latest, self.target, self.now):
            return False
        actions = self.latest.decision.actions
        return any(isinstance(action, Restore) and action.arn == intent.arn for action in actions)

    def _stop(self, intent: ReleaseIntent, purchases: tuple[PurchaseIntent, ...]) -> str | None:
        """What forbids a call right now; read afresh each time, the time last: reads take some.

        The paid period may have ended since the run began: the next one is paid for by then.
        """
        if not self.ports.switch.allows_action(self.target.name):
            return "the switch does not permit action"
        if not has_time(self.deadline):
            return "too little time is left for the call and its record"
        return self._timing_problem(intent, purchases, self.ports.clock.now())

    def _update(self, before: ReleaseIntent, changed: ReleaseIntent) -> ReleaseIntent:
        after = replace(changed, version=before.version + 1)
        self.ports.fleets.update_release(before, after)
        return after

    def _tell_if_unresolved(self, intent: ReleaseIntent) -> None:
        """Alarm on a Delete that should have shown: what it was to end is still paid for.

        It has until the next window, in which another one goes out, but no longer than the grace.
        """
        sent = intent.delete_sent_at
        if intent.state is not ReleaseState.DELETING or sent is None:
            return
        if self.now - sent >= min(GRACE, closed_for(self.target)):
            text = (
                f"{intent.arn} of {units_text(intent.model_units)} still stands "
                f"{whole_minutes(self.now - sent)} minutes after its Delete went out: it is "
                "billed, and serves nobody"
            )
            self.ports.reporter.alarm("release_unresolved", self.target.name, text)

    def _waits(self, intent: ReleaseIntent, reason: str) -> str:
        if self.ports.once.is_first(f"{intent.decision_id} {reason}"):
            self._report("release_waits", intent, reason=reason)
        return "release waits"

    def _report(self, event: str, intent: ReleaseIntent, **fields: str) -> None:
        self.ports.reporter.happened(
            event,
            self.target.name,
            decision_id=intent.decision_id,
            arn=intent.arn,
            units=intent.model_units,
            **fields,
        )


def _is_lost(intent: ReleaseIntent, purchases: tuple[PurchaseIntent, ...]) -> bool:
    """Whether somebody else deleted what it would delete, as the purchase actor has found."""
    purchase = purchase_of(intent.arn, purchases)
    return purchase is not None and purchase.state is PurchaseState.LOST
