"""The oracles of a Delete, right before it is sent: whose its PT is, and that it is idle."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.fleet.intent import (
    OPEN_RELEASES,
    PurchaseIntent,
    PurchaseState,
    ReleaseIntent,
    ReleaseState,
)
from bedrock_autoscaler.domain.target import Commitment, Target
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.simulation.bedrock import SimulatedPt
from tests.simulation.gate import Run
from tests.simulation.metrics import minute_of
from tests.simulation.oracles.findings import Findings
from tests.simulation.oracles.permits import PermitOracles
from tests.simulation.oracles.surroundings import DAY, FUNCTION_TIME, Surroundings

_SENT = frozenset({ReleaseState.DELETING, ReleaseState.DELETED})
"""States of a release whose Delete is sent: another run may have finished it."""
_CANCELLED = ReleaseState.CANCELLED


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseOracles:
    """Compares what is deleted with the tags, the ledger, the tables and the calls.

    Attributes:
        left: when a PT left a store of tables, by store and ARN; None while it is named there.
    """

    world: Surroundings
    findings: Findings
    permits: PermitOracles
    left: Mapping[tuple[str, str], datetime | None]
    _sent: dict[str, dict[str, datetime]] = field(
        default_factory=lambda: defaultdict(dict), init=False
    )
    _beside: dict[str, set[str | None]] = field(default_factory=dict, init=False)
    _begun: dict[str, dict[str, datetime]] = field(
        default_factory=lambda: defaultdict(dict), init=False
    )

    def begun(self, run: Run, release: ReleaseIntent) -> None:
        """O13: no more is taken from callers within an hour than may leave in it."""
        world, target = self.world, run.target(release.target)
        if target is None:
            self.findings.failed("O5", f"release of {release.arn} for no target in force")
            return
        begun = self._begun[target.name]
        begun[release.arn] = _earliest(run.last_at or world.time.now, run)
        standing = {r.arn for r in world.fleets.peek_releases() if r.state is not _CANCELLED}
        within = {arn: at for arn, at in begun.items() if arn in standing}
        self._within_share(run, world.bedrock.pts[release.arn], target, within)

    def deleting(self, run: Run, arn: str) -> None:
        """O5, O6, O7, O9, O12, O13 right before a Delete is sent."""
        world, failed = self.world, self.findings.failed
        release = next(
            (r for r in world.fleets.peek_releases() if r.arn == arn and r.state in _SENT), None
        )
        if release is None:
            failed("O9", f"Delete of {arn} without its intent")
        name = release.target if release else ""
        target = run.target(name)
        if target is None:
            failed("O5", f"Delete of {arn} for no target in force")
            return
        self.permits.permitted(run, name, "Delete")
        self.permits.in_time(run, "Delete")
        self.permits.unpaused(run, target, "Delete", grows=False)
        if arn in run.sent:
            return  # the SDK sends it again
        run.sent.add(arn)
        run.deleted[name] += 1
        if run.deleted[name] > 1:
            failed("O13", f"{run.deleted[name]} Deletes for {name} in one tick")
        pt = world.bedrock.pts.get(arn)
        self._owned(run, arn, pt, name)
        if pt is not None and pt.exists(world.time.now):
            self._drained(run, pt, target)
            self._at_its_end(run, pt, target)
            self._in_bounds(run, pt, target)

    def updated(self, before: ReleaseIntent) -> None:
        """Keep what serves beside a PT when it is written that its Delete goes out."""
        self._beside[before.arn] = {
            intent.arn
            for intent in self.world.fleets.peek_purchases(before.target)
            if intent.state is PurchaseState.IN_SERVICE
        }

    def restored(self) -> None:
        """The ledger cannot count the releases whose Delete it has forgotten."""
        for name, deleted in self._sent.items():
            releases = self.world.fleets.peek_releases()
            known = {r.arn for r in releases if r.target == name and r.state in _SENT}
            for arn in deleted.keys() - known:
                self.world.bedrock.pts[arn].is_forgotten = True
                del deleted[arn]
        # Of a PT that was taken back and withdrawn anew it may know the first time alone.
        kept: dict[str, datetime] = {}
        for release in self.world.fleets.peek_releases():
            kept[release.arn] = max(release.recorded_at, kept.get(release.arn, release.recorded_at))
        for name, begun in self._begun.items():
            self._begun[name] = {
                arn: min(at, kept[arn]) for arn, at in begun.items() if arn in kept
            }

    def _owned(self, run: Run, arn: str, pt: SimulatedPt | None, name: str) -> None:
        """O5, O7: tag and ledger agree, and no term runs."""
        failed = self.findings.failed
        if self._purchase_of(name, arn) is None:
            failed("O5", f"Delete of {arn}, which the ledger of {name} does not hold")
        if pt is None:
            failed("O5", f"Delete of {arn}, which never was")
            return
        now, got = self.world.time.now, run.got.get(arn)
        tags = pt.tags[pt.tags_at(now)] if pt.tags_at(now) >= 0 else None
        owners = {tags.deployment if tags else None, got.deployment if got else None}
        if self.world.deployment not in owners:
            failed("O5", f"Delete of {arn}, whose tag says {owners}")
        if pt.commitment is not Commitment.NONE:
            failed("O7", f"Delete of {arn}, which is under {pt.commitment}")

    def _purchase_of(self, target: str, arn: str) -> PurchaseIntent | None:
        return next((i for i in self.world.fleets.peek_purchases(target) if i.arn == arn), None)

    def _drained(self, run: Run, pt: SimulatedPt, target: Target) -> None:
        """O6, O8: out of every table for long enough, no call running, silence on evidence."""
        world, rules, failed = self.world, target.thresholds.draining, self.findings.failed
        now = run.last_at or world.time.now
        drain = (rules.client_cache_minutes + rules.longest_request_minutes) * MINUTE
        for store in ("authority", "projection"):
            left = self.left.get((store, pt.arn), datetime.min.replace(tzinfo=now.tzinfo))
            if left is None:
                failed("O6", f"Delete of {pt.arn}, which the {store} still names")
            elif now - left < drain:
                failed("O6", f"Delete of {pt.arn} {now - left} after it left the {store}")
        last = world.last_call_to.get(pt.arn)
        if last is not None and now - last < rules.longest_request_minutes * MINUTE:
            failed("O6", f"Delete of {pt.arn} while a call of {last} may run")
        if pt.status(now) is not Status.FAILED:
            self._silent(run, pt, target)

    def _silent(self, run: Run, pt: SimulatedPt, target: Target) -> None:
        """O6, O8: silence on positive evidence."""
        metrics, rules = self.world.metrics, target.thresholds.draining
        failed = self.findings.failed
        if not metrics.has_shown_calls(pt.arn, minute_of(pt.created_at)):
            failed("O6", f"Delete of {pt.arn}, which never showed in the metrics")
        end = minute_of(run.started_at) - target.thresholds.observing.settling_minutes
        slack = -int(-abs(run.skew) // MINUTE)
        if metrics.calls_within(pt.arn, end - rules.quiet_minutes + slack, end - slack):
            failed("O6", f"Delete of {pt.arn} with calls in its quiet minutes")
        beats = metrics.shown_beats(end - rules.quiet_minutes, end)
        if pt.arn in metrics.failing or beats < rules.quiet_minutes - 2 * slack:
            failed("O8", f"Delete of {pt.arn} on {beats} minutes that were read")

    def _at_its_end(self, run: Run, pt: SimulatedPt, target: Target) -> None:
        """O13: in the last minutes of a paid period."""
        now = run.last_at or self.world.time.now
        billing = target.thresholds.sizing.billing_minutes * MINUTE
        left = billing - (now - pt.created_at) % billing
        window = target.thresholds.draining.release_window_minutes * MINUTE
        slack = abs(run.skew) + FUNCTION_TIME
        if left > window + slack and billing - left > slack:
            self.findings.failed("O13", f"Delete of {pt.arn} with {left} of its period left")

    def _in_bounds(self, run: Run, pt: SimulatedPt, target: Target) -> None:
        """O13: above min_units, few a day."""
        now, bedrock = run.last_at or self.world.time.now, self.world.bedrock
        rails, failed = target.guard_rails, self.findings.failed
        serving = self._serving(target, besides=pt)
        if pt.status(now) is not Status.FAILED and serving < rails.min_units:
            failed("O13", f"Delete of {pt.arn} leaves {serving}, min {rails.min_units}")
        sent = self._sent[target.name]
        sent.setdefault(pt.arn, _earliest(now, run))
        # One that was sent and never came to pass is no release.
        made = {
            arn: at
            for arn, at in sent.items()
            if arn == pt.arn or bedrock.pts[arn].deleted_by_us or bedrock.is_to_come(arn)
        }
        recent = sum(now - at < DAY - abs(run.skew) for at in made.values())
        if recent > rails.max_releases_per_day:
            failed("O13", f"{recent} releases for {target.name} in 24 hours")
        self._within_share(run, pt, target, made)

    def _within_share(
        self, run: Run, pt: SimulatedPt, target: Target, made: Mapping[str, datetime]
    ) -> None:
        """O13: within an hour a share of the units that served leaves; one PT always may.

        One that failed never served, and is no part of them.
        """
        pts, now = self.world.bedrock.pts, run.last_at or self.world.time.now
        span = HOUR - abs(run.skew) - FUNCTION_TIME
        others = {
            arn
            for arn, at in made.items()
            if arn != pt.arn and now - at < span and pts[arn].failed_at is None
        }
        if not others or pt.failed_at is not None:
            return
        gone = sum(pts[arn].units for arn in others)
        served = gone + sum(
            intent.model_units
            for intent in self.world.fleets.peek_purchases(target.name)
            if intent.state is PurchaseState.IN_SERVICE and intent.arn not in others
        )
        share = target.guard_rails.max_release_share_per_hour
        if gone + pt.units > max(1, int(served * share)):
            self.findings.failed(
                "O13",
                f"{gone + pt.units} of {served} units of {target.name} leave within an hour, "
                f"{share:.0%} may",
            )

    def _serving(self, target: Target, besides: SimulatedPt) -> int:
        """Units of ours that serve, or are lost since the Delete was written: too late to see."""
        fleets = self.world.fleets
        beside = self._beside.get(besides.arn, set())
        leaving = {
            r.arn
            for r in fleets.peek_releases()
            if r.target == target.name and r.state in OPEN_RELEASES
        }
        return sum(
            intent.model_units
            for intent in fleets.peek_purchases(target.name)
            if (
                intent.state is PurchaseState.IN_SERVICE
                or (intent.state is PurchaseState.LOST and intent.arn in beside)
            )
            and intent.arn not in leaving
            and intent.arn != besides.arn
        )


def _earliest(moment: datetime, run: Run) -> datetime:
    """What the clock of a run may have said of it at the earliest."""
    return moment - abs(run.skew)
