"""The oracles of the failure model, asked at every call that changes something.

They compare what is done with the true state of the simulated world, with the ledger and with
the published tables, and never with what the application believes.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from bedrock_autoscaler.application.ports.bedrock import ListedThroughput
from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.application.purchasing.accounting import booked_spend
from bedrock_autoscaler.application.purchasing.identifying import is_same_model
from bedrock_autoscaler.domain.economics.costs import is_stale
from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.fleet.intent import (
    HOLDING_STATES,
    OPEN_RELEASES,
    PurchaseIntent,
    PurchaseState,
    ReleaseIntent,
    ReleaseState,
)
from bedrock_autoscaler.domain.fleet.scalings import EndpointRecord
from bedrock_autoscaler.domain.routing.table import RoutingTable, routing_problem
from bedrock_autoscaler.domain.target import Commitment, Mode, OptionKind, Target, UnitPrice
from bedrock_autoscaler.domain.units import MINUTE, usd
from tests.fakes.memory_scalings import MemoryScalings
from tests.simulation.bedrock import SimulatedBedrock, SimulatedPt
from tests.simulation.endpoint_watch import EndpointWatch
from tests.simulation.endpoints import SimulatedEndpoints
from tests.simulation.gate import Run, Time
from tests.simulation.ledger import SimulatedDecisions, SimulatedFleets, SimulatedTables
from tests.simulation.metrics import SimulatedMetrics, minute_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_DAY = timedelta(days=1)
_BUDGET = timedelta(seconds=30)
_SKEW = timedelta(minutes=3)
_CANCELLED = ReleaseState.CANCELLED
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_FUNCTION_TIME = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Violation:
    """What an oracle found.

    Attributes:
        oracle: its id in the failure model.
        moment: where in the schedule.
    """

    oracle: str
    message: str
    moment: int


@dataclass(slots=True, kw_only=True)
class Surroundings:
    """What the oracles look at."""

    time: Time
    deployment: str
    bedrock: SimulatedBedrock
    metrics: SimulatedMetrics
    fleets: SimulatedFleets
    decisions: SimulatedDecisions
    tables: SimulatedTables
    endpoints: SimulatedEndpoints
    scalings: MemoryScalings


class Watch:
    """Hears of every changing call, and keeps the violations.

    Attributes:
        violations: in the order in which they were found.
        effects: changes of the world, the ledger and the tables, as lines.
        switch: the true value of the kill switch.
        is_restored: the ledger went back in time.
        last_call_to: when callers last sent to a PT, and by which table.
    """

    def __init__(self, world: Surroundings) -> None:
        self.violations: list[Violation] = []
        self.effects: list[str] = []
        self.switch: str | None = "allow"
        self.last_call_to: dict[str, datetime] = {}
        self._world = world
        self._made: dict[str, list[str]] = defaultdict(list)
        self._sent: dict[str, list[datetime]] = defaultdict(list)
        self._deletes: dict[str, dict[str, datetime]] = defaultdict(dict)
        self._leaving: dict[str, datetime] = {}
        self._called_off: dict[str, datetime] = {}
        self._left: dict[tuple[str, str], datetime | None] = {}
        self._versions: dict[str, int] = {}
        self.is_restored = False
        self._run: Run | None = None
        self._starting: Mapping[str, Callable[[Run, Any], None]] = {
            "purchasing.buy": self._buy,
            "releasing.delete": self._delete,
            "tables.publish": self._publish,
            "tables.project": self._project,
        }
        self._done: Mapping[str, Callable[[Run, Any, Any], None]] = {
            "fleets.begin_purchase": self._reserved,
            "fleets.update_purchase": self._updated,
            "fleets.begin_release": self._leaves,
            "fleets.update_release": self._release_updated,
            "tables.publish": self._published,
            "tables.project": self._projected,
            "capacity.inventory": self._listed,
            "releasing.get": self._got,
            "switch.allows_action": self._switched,
            "decisions.record": self._recorded,
        }
        self._endpoints = EndpointWatch(
            world=world, failed=self.failed, permitted=self._may_scale, effects=self.effects
        )
        world.endpoints.on_scaled = self._endpoints.scaled
        world.bedrock.on_created = self._created
        world.bedrock.on_gone = self._gone

    # -- what happens --------------------------------------------------------------------------

    def starting(self, call: str, run: Run, args: tuple[Any, ...]) -> None:
        """A changing call is about to be sent."""
        self._run = run
        check = self._starting.get(call)
        if check is not None:
            check(run, args[0])
        elif call == "endpoints.scale":
            self._endpoints.starting(run, *args)

    def done(self, call: str, run: Run, args: tuple[Any, ...], answer: object) -> None:
        """A call has had its effect."""
        self._run = run
        note = self._done.get(call)
        if note is not None:
            note(run, args[0] if args else None, answer)
        elif call == "scalings.write":
            self._endpoints.written(args[0])
        if call in _EFFECTS:
            self.effects.append(f"{call} {_subject(args)}")

    def note_table(self, table: RoutingTable) -> None:
        """A table that is in force, and read by callers, from the beginning."""
        self._versions[table.target] = table.version
        for store in ("authority", "projection"):
            self._note_routes(store, table)

    def restored(self) -> None:
        """The ledger went back in time: it cannot count what it has forgotten."""
        self.is_restored = True
        for name, sent in self._sent.items():
            kept = self._world.fleets.peek_purchases(name)
            del sent[: max(len(sent) - len(kept), 0)]
        for name, deleted in self._deletes.items():
            known = {r.arn for r in self._world.fleets.peek_releases() if r.target == name}
            for arn in deleted.keys() - known:
                self._world.bedrock.pts[arn].is_forgotten = True
                del deleted[arn]

    def failed(self, oracle: str, message: str) -> None:
        """Keep a violation."""
        moment = self._run.moment if self._run else 0
        self.violations.append(Violation(oracle, message, moment))

    # -- reads that later oracles refer to -----------------------------------------------------

    def _listed(self, run: Run, _: object, answer: Any) -> None:
        run.inventory = answer

    def _got(self, run: Run, arn: str, answer: ListedThroughput | None) -> None:
        run.got[arn] = answer

    def _switched(self, run: Run, target: str, answer: object) -> None:
        run.allowed[target] = bool(answer)

    def _recorded(self, _: Run, recorded: RecordedDecision, is_new: object) -> None:
        """O8: a decision of the rules must not shrink on missing data; see `judged`."""

    # -- purchases -----------------------------------------------------------------------------

    def _reserved(self, run: Run, intent: PurchaseIntent, _: object) -> None:
        """O1, O2: what is held and reserved stays within the caps of this run's settings."""
        target = run.target(intent.target)
        if target is None:
            self.failed("O1", f"{intent.decision_id} reserves for no target in force")
            return
        rails = target.guard_rails
        units = self._held_units(run, target)
        if units > rails.max_units:
            self.failed("O1", f"{target.name} holds {units} units, max_units {rails.max_units}")
        price = intent.usd_per_hour / intent.model_units if intent.model_units > 0 else Decimal(0)
        dollars = usd(price * units)
        if dollars > rails.max_usd_per_hour:
            self.failed("O2", f"{target.name} holds {dollars} USD/h, cap {rails.max_usd_per_hour}")
        billing = target.thresholds.sizing.billing_minutes * MINUTE
        purchases = self._world.fleets.peek_purchases(target.name)
        spend = booked_spend(purchases, self._world.time.now + run.skew, billing)
        if spend.day_usd > rails.max_usd_per_day or spend.month_usd > rails.max_usd_per_month:
            self.failed("O2", f"{target.name} has booked {spend}, caps {rails}")
        self._reserved_of_all(run)
        self._consented(intent, target)

    def _reserved_of_all(self, run: Run) -> None:
        """O1, O2 of the account: all targets and everybody else together."""
        rails = run.settings.rails if run.settings else None
        if rails is None:
            return
        units, dollars = self._held_units(run, None), Decimal(0)
        for name in self._world.fleets.peek_targets():
            for intent in self._world.fleets.peek_purchases(name):
                if intent.state in HOLDING_STATES:
                    dollars += intent.usd_per_hour
        if units > rails.max_units:
            self.failed("O1", f"the account holds {units} units, max_units {rails.max_units}")
        if dollars > rails.max_usd_per_hour:
            self.failed("O2", f"all targets hold {dollars} USD/h, cap {rails.max_usd_per_hour}")

    def _consented(self, intent: PurchaseIntent, target: Target) -> None:
        """O3: a consent for exactly this, used up with the intent and for no other.

        A term needs one, and so does what costs more than the target lets pass without a word.
        """
        limit = target.controls.approval_above_usd_per_hour
        is_large = limit is not None and intent.usd_per_hour > limit
        if intent.commitment is Commitment.NONE and not is_large:
            return
        given = self._world.fleets.consents.get(intent.consent_id or "")
        wanted = (intent.target, intent.model_id, intent.model_units, intent.commitment)
        if given is None or wanted != (given.target, given.model_id, given.units, given.term):
            self.failed("O3", f"{intent.decision_id} commits {wanted} on the word {given}")
            return
        if given.used_by != intent.decision_id:
            self.failed("O3", f"{intent.decision_id} leaves the consent {given} unused")
        if intent.usd_per_hour > given.max_usd_per_hour * intent.model_units:
            self.failed("O3", f"{intent.decision_id} at {intent.usd_per_hour}, agreed {given}")
        if self._world.time.now - _SKEW > given.valid_until:
            self.failed("O3", f"{intent.decision_id} uses {given} after its end")
        others = [
            i.decision_id
            for i in self._world.fleets.peek_purchases(target.name)
            if i.consent_id == given.id and i.state is not PurchaseState.REFUSED
        ]
        if len(others) > 1:
            self.failed("O3", f"consent {given.id} is used by {others}")

    def _held_units(self, run: Run, target: Target | None) -> int:
        """Owned PTs and open intents, and what others hold as far as the run could know.

        Of one target, or of all with everybody else in the account.
        """
        world, now = self._world, self._world.time.now
        names = world.fleets.peek_targets() if target is None else (target.name,)
        intents = {i.decision_id: i for name in names for i in world.fleets.peek_purchases(name)}
        known = run.inventory.throughputs if run.inventory else ()
        listed = {pt.arn for pt in known} if run.inventory else None
        units = 0
        for pt in world.bedrock.pts.values():
            if not pt.exists(now):
                continue
            could_know = listed is None or pt.arn in listed
            counts = target is None or self._concerns(pt, target)
            if pt.bought_for in intents or (could_know and counts):
                units += pt.units
        units += sum(
            intent.model_units
            for intent in intents.values()
            if intent.state is PurchaseState.RECORDED and not self._made[intent.decision_id]
        )
        return units

    def _concerns(self, pt: SimulatedPt, target: Target) -> bool:
        if pt.target is not None:
            return pt.target == target.name
        tags = pt.tags[pt.tags_at(self._world.time.now)] if pt.tags else None
        if tags is not None and tags.deployment == self._world.deployment and tags.target:
            return tags.target == target.name  # it says whose it is, if only by its tags
        bought = target.provisioned
        return bought is not None and is_same_model(f"x/{pt.model_id}", bought.model_id)

    def _buy(self, run: Run, intent: PurchaseIntent) -> None:
        """O2, O3, O9, O12, O13 right before a Create is sent."""
        name = intent.target
        target = run.target(name)
        if target is None:
            self.failed("O1", f"{intent.decision_id} is bought for no target in force")
            return
        self._permitted(run, name, "Create")
        self._in_time(run, "Create")
        kept = self._world.fleets.peek_purchase(name, intent.decision_id)
        if (
            kept is None
            or kept.state is not PurchaseState.RECORDED
            or (kept.token, kept.name) != (intent.token, intent.name)
        ):
            self.failed("O9", f"Create of {intent.decision_id} without its intent: {kept}")
        if (kept.commitment if kept else Commitment.NONE) is not intent.commitment:
            self.failed("O3", f"Create of {intent.decision_id} with a term that is not recorded")
        self._is_priced(run, target, intent)
        self._is_known(intent)
        self._is_due(run, target, intent)
        if intent.decision_id in run.sent:
            return  # the SDK sends it again
        run.sent.add(intent.decision_id)
        run.bought[name] += 1
        if run.bought[name] > 1:
            self.failed("O13", f"{run.bought[name]} Creates for {name} in one tick")
        now, sent = self._world.time.now, self._sent[name]
        sent.append(now)
        recent = sum(now - at < _DAY - abs(run.skew) * 2 for at in sent)
        if recent > target.guard_rails.max_purchases_per_day:
            self.failed("O13", f"{recent} Creates for {name} in 24 hours")

    def _updated(self, _: Run, before: PurchaseIntent, __: object) -> None:
        """Row 4: given up only when nothing is there, and nothing is still to come."""
        fleets, name = self._world.fleets, before.decision_id
        after = fleets.peek_purchase(before.target, name)
        if after is None or after.state is not PurchaseState.ABANDONED:
            return
        now = self._world.time.now
        made = [self._world.bedrock.pts[arn] for arn in self._made[name]]
        # One that a person has tagged as another's before it was found cannot be known as ours.
        ours = (self._world.deployment, None)
        exists = any(pt.exists(now) and pt.tags[-1].deployment in ours for pt in made)
        if exists or self._world.bedrock.is_to_come(name):
            self.failed("O10", f"{name} is given up, but its PT exists or is still to come")

    def _is_priced(self, run: Run, target: Target, intent: PurchaseIntent) -> None:
        """O2: at the price of the settings, which is known and not old."""
        now = self._world.time.now
        price = target.provisioned.price if target.provisioned else None
        age = target.thresholds.gating.max_price_age_days
        if price is None or is_stale(price.as_of, (now + run.skew).date(), age):
            self.failed("O2", f"Create of {intent.decision_id} at an unknown price")
        elif usd((_each(price, intent) or Decimal(0)) * intent.model_units) != intent.usd_per_hour:
            self.failed("O2", f"Create of {intent.decision_id} at {intent.usd_per_hour} USD/h")

    def _is_known(self, intent: PurchaseIntent) -> None:
        """Row 7: the decision knew the quota, and that the model is sold."""
        recorded = self._world.decisions.peek_one(intent.decision_id)
        if recorded is None:
            return  # the ledger was restored; O10 looks after that
        seen = recorded.situation.observation
        if seen.model_unit_quota is None or seen.model_is_active is not True:
            self.failed("O2", f"Create of {intent.decision_id} on unknown facts")

    def _is_due(self, run: Run, target: Target, intent: PurchaseIntent) -> None:
        """Rows 3, 11, 35: nothing unresolved, no breaker tripped, no old decision carried out."""
        others = [
            i.decision_id
            for i in self._world.fleets.peek_purchases(target.name)
            if i.state is PurchaseState.RECORDED and i.decision_id != intent.decision_id
        ]
        if others:
            self.failed("O10", f"Create of {intent.decision_id} while {others} have no outcome")
        if self._world.fleets.peek_record(target.name).tripped_at is not None:
            self.failed("O13", f"Create of {intent.decision_id} against a breaker that tripped")
        at = run.last_at or self._world.time.now
        period = target.thresholds.sizing.decision_minutes * MINUTE
        oldest = at - 2 * period - abs(run.skew) - _FUNCTION_TIME - (at - run.started_at)
        if _time_of(intent.decision_id) < oldest:
            self.failed("O13", f"Create of {intent.decision_id} at {at}, which is too late")

    def _created(self, pt: SimulatedPt) -> None:
        """O4, O10: one PT for each decision, and a decision for each PT."""
        if pt.bought_for is None:
            return
        self.effects.append(f"created {pt.name}")
        made = self._made[pt.bought_for]
        made.append(pt.arn)
        if len(made) > 1:
            self.failed("O4", f"{pt.bought_for} has made {made}")
        target = pt.target or ""
        if not self._world.decisions.peek(pt.bought_for) and not self.is_restored:
            self.failed("O10", f"{pt.arn} of {target} was bought for no recorded decision")

    def _gone(self, pt: SimulatedPt) -> None:
        self.effects.append(f"gone {pt.name}")

    # -- releases ------------------------------------------------------------------------------

    def _delete(self, run: Run, arn: str) -> None:
        """O5, O6, O7, O9, O12, O13 right before a Delete is sent."""
        world = self._world
        sent = {ReleaseState.DELETING, ReleaseState.DELETED}  # another run may have finished it
        release = next(
            (r for r in world.fleets.peek_releases() if r.arn == arn and r.state in sent), None
        )
        if release is None:
            self.failed("O9", f"Delete of {arn} without its intent")
        name = release.target if release else ""
        target = run.target(name)
        if target is None:
            self.failed("O5", f"Delete of {arn} for no target in force")
            return
        self._permitted(run, name, "Delete")
        self._in_time(run, "Delete")
        if arn in run.sent:
            return  # the SDK sends it again
        run.sent.add(arn)
        run.deleted[name] += 1
        if run.deleted[name] > 1:
            self.failed("O13", f"{run.deleted[name]} Deletes for {name} in one tick")
        pt = world.bedrock.pts.get(arn)
        self._owned(run, arn, pt, name)
        if pt is not None and pt.exists(world.time.now):
            self._drained(run, pt, target)
            self._in_bounds(run, pt, target)

    def _owned(self, run: Run, arn: str, pt: SimulatedPt | None, name: str) -> None:
        """O5, O7: tag and ledger agree, and no term runs."""
        purchase = self._purchase_of(name, arn)
        if purchase is None:
            self.failed("O5", f"Delete of {arn}, which the ledger of {name} does not hold")
        if pt is None:
            self.failed("O5", f"Delete of {arn}, which never was")
            return
        now, got = self._world.time.now, run.got.get(arn)
        tags = pt.tags[pt.tags_at(now)] if pt.tags_at(now) >= 0 else None
        owners = {tags.deployment if tags else None, got.deployment if got else None}
        if self._world.deployment not in owners:
            self.failed("O5", f"Delete of {arn}, whose tag says {owners}")
        if pt.commitment is not Commitment.NONE:
            self.failed("O7", f"Delete of {arn}, which is under {pt.commitment}")

    def _drained(self, run: Run, pt: SimulatedPt, target: Target) -> None:
        """O6, O8: out of every table for long enough, no call running, silence on evidence."""
        world, rules = self._world, target.thresholds.draining
        now = run.last_at or world.time.now
        drain = (rules.client_cache_minutes + rules.longest_request_minutes) * MINUTE
        for store in ("authority", "projection"):
            left = self._left.get((store, pt.arn), datetime.min.replace(tzinfo=now.tzinfo))
            if left is None:
                self.failed("O6", f"Delete of {pt.arn}, which the {store} still names")
            elif now - left < drain:
                self.failed("O6", f"Delete of {pt.arn} {now - left} after it left the {store}")
        last = self.last_call_to.get(pt.arn)
        if last is not None and now - last < rules.longest_request_minutes * MINUTE:
            self.failed("O6", f"Delete of {pt.arn} while a call of {last} may run")
        if pt.status(now) is not Status.FAILED:
            self._silent(run, pt, target, now)

    def _silent(self, run: Run, pt: SimulatedPt, target: Target, now: datetime) -> None:
        """O6, O8: silence on positive evidence."""
        world, rules = self._world, target.thresholds.draining
        if not world.metrics.has_shown_calls(pt.arn, minute_of(pt.created_at)):
            self.failed("O6", f"Delete of {pt.arn}, which never showed in the metrics")
        end = minute_of(run.started_at) - target.thresholds.observing.settling_minutes
        slack = -int(-abs(run.skew) // MINUTE)
        if world.metrics.calls_within(pt.arn, end - rules.quiet_minutes + slack, end - slack):
            self.failed("O6", f"Delete of {pt.arn} with calls in its quiet minutes")
        beats = world.metrics.shown_beats(end - rules.quiet_minutes, end)
        if pt.arn in world.metrics.failing or beats < rules.quiet_minutes - 2 * slack:
            self.failed("O8", f"Delete of {pt.arn} on {beats} minutes that were read")

    def _in_bounds(self, run: Run, pt: SimulatedPt, target: Target) -> None:
        """O13: in the last minutes of a paid period, above min_units, few a day."""
        now = run.last_at or self._world.time.now
        thresholds, rails = target.thresholds, target.guard_rails
        billing = thresholds.sizing.billing_minutes * MINUTE
        left = billing - (now - pt.created_at) % billing
        window = thresholds.draining.release_window_minutes * MINUTE
        slack = abs(run.skew) + _FUNCTION_TIME
        if left > window + slack and billing - left > slack:
            self.failed("O13", f"Delete of {pt.arn} with {left} of its period left")
        serving = self._serving(target, besides=pt)
        if pt.status(now) is not Status.FAILED and serving < rails.min_units:
            self.failed("O13", f"Delete of {pt.arn} leaves {serving}, min {rails.min_units}")
        sent = self._deletes[target.name]
        sent.setdefault(pt.arn, now)
        # One that was sent and never came to pass is no release.
        bedrock = self._world.bedrock
        recent = sum(
            now - at < _DAY - abs(run.skew) * 2
            for arn, at in sent.items()
            if arn == pt.arn or bedrock.pts[arn].deleted_by_us or bedrock.is_to_come(arn)
        )
        if recent > rails.max_releases_per_day:
            self.failed("O13", f"{recent} releases for {target.name} in 24 hours")

    def _serving(self, target: Target, besides: SimulatedPt) -> int:
        """Units of ours that serve, or that someone else took away: that is not our doing."""
        fleets = self._world.fleets
        leaving = {
            r.arn
            for r in fleets.peek_releases()
            if r.target == target.name and r.state in OPEN_RELEASES
        }
        return sum(
            intent.model_units
            for intent in fleets.peek_purchases(target.name)
            if intent.state is PurchaseState.IN_SERVICE
            and intent.arn not in leaving
            and intent.arn != besides.arn
        )

    def _purchase_of(self, target: str, arn: str) -> PurchaseIntent | None:
        return next((i for i in self._world.fleets.peek_purchases(target) if i.arn == arn), None)

    def _leaves(self, _: Run, release: ReleaseIntent, __: object) -> None:
        self._leaving[release.arn] = self._world.time.now

    def _release_updated(self, _: Run, before: ReleaseIntent, __: object) -> None:
        releases = self._world.fleets.peek_releases()
        if any(r.decision_id == before.decision_id and r.state is _CANCELLED for r in releases):
            self._called_off.setdefault(before.decision_id, self._world.time.now)

    # -- routing -------------------------------------------------------------------------------

    def _publish(self, run: Run, table: RoutingTable) -> None:
        """O11, O12 right before a table is written."""
        self._permitted(run, table.target, "publish")
        problem = routing_problem(table.routes, no_fallback=table.no_fallback)
        if problem:
            self.failed("O11", f"table of {table.target}: {problem}")
        target = run.target(table.target)
        allowed = {option.address for option in target.options} if target else set()
        serving = {pt.arn for pt in self._in_service(run)}
        for route in table.routes:
            if route.kind is not OptionKind.PROVISIONED:
                if route.address not in allowed:
                    self.failed("O11", f"table of {table.target} names {route.address}")
            elif route.address not in serving:
                self.failed("O11", f"table of {table.target} names {route.address}, not in service")
            else:
                self._is_routable(table.target, route.address)
        self._leaves_none_out(run, table, serving)
        self._names_none_that_leaves(run, table)

    def _names_none_that_leaves(self, run: Run, table: RoutingTable) -> None:
        """O6: no call is sent to a PT whose release this run could know of."""
        leaving = {r.arn for r in self._world.fleets.peek_releases() if r.state in OPEN_RELEASES}
        for route in table.routes:
            begun = self._leaving.get(route.address)
            if route.address in leaving and begun is not None and begun < run.started_at:
                self.failed("O6", f"table of {table.target} names {route.address}, which leaves")

    def _leaves_none_out(self, run: Run, table: RoutingTable, serving: set[str]) -> None:
        """O8: what the decision sends to a PT that serves is not taken away for want of data.

        A release that was called off while this run was under way still stood when it read.
        """
        recorded = self._world.decisions.peek_one(table.decision_id)
        if recorded is None:
            return
        leaving = {
            release.arn
            for release in self._world.fleets.peek_releases()
            if release.state is not _CANCELLED
            or self._called_off.get(release.decision_id, _LONG_AGO) >= run.started_at
        }
        owned = {pt.arn for pt in recorded.situation.fleet.owned}
        named = {route.address for route in table.routes}
        for route in recorded.decision.routes:
            if route.address in (serving & owned) - leaving - named:
                self.failed("O8", f"table of {table.target} leaves {route.address} out")

    def _in_service(self, run: Run) -> list[ListedThroughput]:
        known = run.inventory.throughputs if run.inventory else ()
        return [pt for pt in known if pt.status is Status.IN_SERVICE]

    def _is_routable(self, target: str, arn: str) -> None:
        """Only PTs of ours, of this target: another's are billed and sized for its own calls."""
        pt = self._world.bedrock.pts[arn]
        if pt.target != target and not self.is_restored:
            self.failed("O11", f"table of {target} names {arn}, which is {pt.target}'s")

    def _published(self, _: Run, table: RoutingTable, __: object) -> None:
        last = self._versions.get(table.target, 0)
        if table.version != last + 1:
            self.failed("O11", f"{table.target} publishes version {table.version} after {last}")
        self._versions[table.target] = table.version
        self._note_routes("authority", table)

    def _project(self, run: Run, table: RoutingTable) -> None:
        """O11, O12 right before the callers' copy is written, where it differs."""
        seen = self._world.tables.projected.get(table.target)
        if seen == table:
            return
        self._permitted(run, table.target, "project")
        if seen is None or seen.version <= table.version:
            current = self._world.tables.peek(table.target)
            if current is None or current.version < table.version:
                self.failed("O11", f"{table.target} projects version {table.version} of no table")

    def _projected(self, _: Run, table: RoutingTable, __: object) -> None:
        self._note_routes("projection", table)

    def _note_routes(self, store: str, table: RoutingTable) -> None:
        """From when on a PT is out of a store."""
        now = self._world.time.now
        named = {r.address for r in table.routes if r.kind is OptionKind.PROVISIONED}
        for arn in named:
            self._left[store, arn] = None
        for pt in self._world.bedrock.pts.values():
            key = (store, pt.arn)
            if pt.target == table.target and pt.arn not in named and self._left.get(key, 1) is None:
                self._left[key] = now

    # -- the switch, the mode, the time --------------------------------------------------------

    def _may_scale(self, run: Run, name: str, what: str) -> None:
        self._permitted(run, name, what)
        self._in_time(run, what)

    def _permitted(self, run: Run, name: str, what: str) -> None:
        """O12: asked right before, and answered `allow`; advise mode sends nothing."""
        target = run.target(name)
        if target is not None and target.mode is Mode.ADVISE:
            self.failed("O12", f"{what} for {name} in mode advise")
        if not run.allowed.get(name, False):
            self.failed("O12", f"{what} for {name} against the switch's last answer")
        elif run.last_call != "switch.allows_action" and self.switch != "allow":
            self.failed("O12", f"{what} for {name}: the switch is {self.switch!r} and was not read")

    def _in_time(self, run: Run, what: str) -> None:
        """Row 42: a mutating call starts only when it and its record still fit."""
        at = run.last_at or self._world.time.now
        if run.deadline_at - at < _BUDGET:
            self.failed("O13", f"{what} with {run.deadline_at - at} left")


def _each(price: UnitPrice, intent: PurchaseIntent) -> Decimal | None:
    """What one unit costs an hour under the intent's term."""
    return {
        Commitment.NONE: price.usd_per_hour,
        Commitment.ONE_MONTH: price.one_month_usd_per_hour,
        Commitment.SIX_MONTHS: price.six_months_usd_per_hour,
    }[intent.commitment]


def _time_of(decision_id: str) -> datetime:
    """The scheduled time that a decision's id ends with."""
    return datetime.fromisoformat(decision_id[-16:])


_EFFECTS = frozenset(
    {
        "fleets.begin_purchase",
        "fleets.update_purchase",
        "fleets.begin_release",
        "fleets.update_release",
        "fleets.trip",
        "tables.publish",
        "scalings.write",
    }
)


def _subject(args: tuple[Any, ...]) -> str:
    """What a change is about, for the transcript."""
    subject = args[-1]
    if isinstance(subject, PurchaseIntent | ReleaseIntent):
        return f"{subject.decision_id} {subject.state}"
    if isinstance(subject, RoutingTable):
        return f"{subject.target} {subject.version}"
    if isinstance(subject, EndpointRecord):
        return f"{subject.address} {subject.changes[-1].state}"
    return ""
