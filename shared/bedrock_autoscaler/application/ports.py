"""What the application needs of the outside, in domain terms."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bedrock_autoscaler.domain.consents.consent import RecordedConsent, Request
from bedrock_autoscaler.domain.decision import Decision, Memory, Situation
from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.fleet.intent import (
    OPEN_RELEASES,
    AccountRecord,
    FleetRecord,
    PurchaseIntent,
    PurchaseState,
    ReleaseIntent,
)
from bedrock_autoscaler.domain.fleet.scalings import EndpointRecord
from bedrock_autoscaler.domain.routing.table import RoutingTable
from bedrock_autoscaler.domain.target import Commitment, Loop, StackRails, Target
from bedrock_autoscaler.domain.traffic.observation import EndpointState, Observation, Traffic


class Clock(Protocol):
    """The one source of time."""

    def now(self) -> datetime:
        """The current moment, in UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsReading:
    """One batched read of `AWS/Bedrock`.

    Attributes:
        start: first minute; every array below has one element per minute from here.
        read: True where the minute counts as read: the query that covers it ended
            `Complete` and the heartbeat has a point there.
        traffic: by `ModelId`; NaN where neither read nor a point exists; 0 where read
            without a point. A minute with a point holds its value even when not `read`.
        problems: sentences on what was partial, forbidden or failed.
    """

    start: datetime
    read: NDArray[np.bool_]
    traffic: Mapping[str, Traffic]
    problems: tuple[str, ...]


class Metrics(Protocol):
    """CloudWatch as the loop uses it."""

    @property
    def regions(self) -> frozenset[str]:
        """Source Regions besides its own that it reads; their `ModelId`s end in `@region`."""
        return frozenset()

    def read(
        self,
        model_ids: Sequence[str],
        start: datetime,
        end: datetime,
        series: Mapping[str, Collection[str]] | None = None,
    ) -> MetricsReading:
        """Per-minute sums in [start, end) for all `model_ids` in one batch.

        Sorted by time, free of NaN, negative and duplicate points (those become gaps). A
        failed query is a gap of its `ModelId` alone.

        Args:
            model_ids: values of the dimension `ModelId`.
            start: first minute.
            end: the minute after the last.
            series: names of METRICS to ask for, by `ModelId`; all of one that is not named. What
                is not asked for is 0 in each minute that counts as known.

        Raises:
            ObservationError: nothing at all could be read.
        """

    def model_ids(self) -> frozenset[str]:
        """The values of the `ModelId` dimension that CloudWatch lists now."""

    def copies(self, address: str, start: datetime, end: datetime) -> tuple[int, ...]:
        """The most copies of an imported model that ran in each 5 minutes of [start, end).

        Both lie on whole 5 minutes. Where nothing was published no copy ran.

        Raises:
            ObservationError: they could not be read, or not all of them.
        """

    def beat(self, at: datetime) -> None:
        """Put this deployment's heartbeat into the minute of `at`."""


class Endpoints(Protocol):
    """Marketplace endpoints, whose instances are paid by time."""

    def state(self, address: str) -> EndpointState:
        """How the endpoint stands, read afresh.

        Raises:
            ObservationError: it could not be read, or has no instances.
        """

    def scale(self, before: EndpointState, instances: int, token: str) -> None:
        """Ask for another number of instances; the same token asks once.

        Raises:
            StaleDecisionError: the endpoint has moved since `before`, or is being changed.
            CapacityUnavailableError: it was refused.
            UnknownOutcomeError: nobody knows whether it took effect.
            ObservationError: the endpoint could not be read.
        """


class Scalings(Protocol):
    """What the ledger keeps of endpoints whose instances are changed."""

    def record_of(self, target: str, address: str) -> EndpointRecord:
        """The record, read consistently; version 0 and no change before the first one.

        Raises:
            ObservationError: it could not be read.
        """

    def write(self, before: EndpointRecord, after: EndpointRecord) -> None:
        """Replace `before` by `after`, which has its version plus one.

        Raises:
            StaleDecisionError: the record is not what `before` says.
            UnknownOutcomeError: no answer came, and a consistent read did not show it.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedThroughput:
    """A PT as the inventory shows it, before tags and ledger say whose it is.

    Attributes:
        deployment: value of the owner tag; None without one.
        target, decision_id: the other two tags; None without.
    """

    arn: str
    name: str
    model_arn: str
    model_units: int
    status: Status
    commitment: Commitment
    created_at: datetime
    committed_until: datetime | None
    deployment: str | None
    target: str | None
    decision_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """All PTs of the account and Region; `complete` when every page was read."""

    throughputs: tuple[ListedThroughput, ...]
    complete: bool


class Capacity(Protocol):
    """Reading what Bedrock holds."""

    def inventory(self) -> Inventory:
        """Every PT of the account and Region.

        Raises:
            ObservationError: not even the first page could be read.
        """

    def is_active(self, model_id: str) -> bool | None:
        """Whether a new PT of the model may be bought (ACTIVE and PROVISIONED); None unknown."""

    def end_of_life(self, model_id: str) -> datetime | None:
        """When the model ends, as far as that is announced; None: not announced, or not read."""

    def model_unit_quota(self, model_id: str) -> int | None:
        """Applied no-commitment model-unit quota that binds this model; None unknown."""


class Purchasing(Protocol):
    """The purchase actor's only way to spend."""

    def buy(self, intent: PurchaseIntent) -> str:
        """Create the PT with the intent's token, name and tags; its ARN.

        A commitment is sent only for an intent that names the consent it used up.

        Raises:
            CapacityUnavailableError: proven refusal, nothing was bought.
            UnknownOutcomeError: the call may have taken effect.
        """

    def find(self, intent: PurchaseIntent) -> ListedThroughput | None:
        """The PT of this intent by name and full list, with our tags; None when absent.

        Raises:
            ObservationError: the answer is not certain.
        """


class Releasing(Protocol):
    """The release actor's only way to delete."""

    def get(self, arn: str) -> ListedThroughput | None:
        """The PT with its tags; None when Bedrock does not know it.

        Raises:
            ObservationError: the answer is not certain.
        """

    def delete(self, arn: str) -> None:
        """Delete the PT.

        Raises:
            ThroughputNotFoundError: it was gone already.
            CommitmentActiveError: a term forbids it.
            UnknownOutcomeError: conflict, throttling or time-out; look again later.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsProblem:
    """A document that was not accepted, and why.

    Attributes:
        document: its name: a target, `defaults`, or `switch`.
        field: path of the field inside it, empty for the whole document.
        message: what is wrong and what is allowed.
    """

    document: str
    field: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One snapshot of the settings, last good documents in place of invalid ones.

    Attributes:
        stack: the caps on all targets together; None while no document sets them.
    """

    targets: tuple[Target, ...]
    problems: tuple[SettingsProblem, ...]
    stack: StackRails | None = None

    @property
    def rails(self) -> StackRails:
        """The caps on all targets together: those set, or what the targets may hold together."""
        each = [target.guard_rails for target in self.targets]
        return self.stack or StackRails(
            max_units=sum(rails.max_units for rails in each),
            max_usd_per_hour=sum((rails.max_usd_per_hour for rails in each), Decimal(0)),
            max_usd_per_day=sum((rails.max_usd_per_day for rails in each), Decimal(0)),
            max_usd_per_month=sum((rails.max_usd_per_month for rails in each), Decimal(0)),
        )


class Parameters(Protocol):
    """The settings documents in Parameter Store, as text."""

    def documents(self) -> Mapping[str, str]:
        """Text by document name: `defaults`, `stack` (absent when there is none), each target's.

        Raises:
            ObservationError: the documents could not be read, or not to the last page.
        """


class DocumentParser(Protocol):
    """Turns the texts of one target into its policy; pure."""

    def parse(self, name: str, defaults: str | None, text: str) -> "Target | SettingsProblem":
        """The target from shipped defaults, `defaults` and `text`, or the first problem."""

    def check_defaults(self, text: str) -> SettingsProblem | None:
        """What is wrong with a document of defaults; None when nothing is."""

    def parse_stack(self, text: str) -> "StackRails | SettingsProblem":
        """The caps on all targets together, or the first problem."""


class LastGood(Protocol):
    """The newest accepted text of each document, which outlives a later invalid one."""

    def get(self, name: str) -> str | None:
        """The last accepted text; None when there was none."""

    def put(self, name: str, text: str) -> None:
        """Keep `text` as the last accepted one; writes only a difference."""


class Switch(Protocol):
    """The kill switch parameter: only the exact value `allow` permits action.

    A missing, unreadable, blank or misspelled value means no action.
    """

    def allows_action(self, target: str) -> bool:
        """Whether mutating calls for this target may start now. Reads afresh each time."""


class History(Protocol):
    """Minute history as immutable items (target, hour, revision)."""

    def store(self, target: str, traffic: Mapping[str, Traffic]) -> None:
        """Keep each whole clock hour of `traffic`, as a new revision where its values differ.

        Hours that the traffic covers only in part are not kept. Revisions start at 0; an item is
        never changed or deleted. A minute that was known before and is now a gap keeps its value.
        """

    def load(self, target: str, start: datetime, end: datetime) -> "StoredHistory":
        """The newest revisions of the hours in [start, end).

        The answer's reference is cut to the hours that are kept, so that newer minutes follow
        at `reference.end`; both its ends are `start` when no hour is kept.
        """

    def load_exact(self, target: str, reference: "HistoryReference") -> "StoredHistory":
        """The very revisions that a decision rested on.

        Raises:
            ObservationError: a revision is missing, or the hash differs.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryReference:
    """Names stored minute history exactly.

    Attributes:
        revisions: (hour, revision) ascending.
        sha256: over the items' contents in this order.
        start, end: the minutes [start, end) that were used.
    """

    start: datetime
    end: datetime
    revisions: tuple[tuple[datetime, int], ...]
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredHistory:
    """Traffic over [reference.start, reference.end); NaN where nothing is kept.

    Attributes:
        traffic: by `ModelId`.
        total: all `ModelId`s together. Each hour adds up those that it was kept with, so that
            a `ModelId` which came later, such as that of a new PT, leaves no gap before.
    """

    reference: HistoryReference
    traffic: Mapping[str, Traffic]
    total: Traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDecision:
    """A decision with the situation it rests on.

    The ledger does not keep the traffic that `history` names, only the newer minutes beside it;
    reading a decision back for replay joins the two again, so that `situation` is what it was.

    Attributes:
        history: stored minutes at the front of `situation.observation.traffic`, as
            `join(counted(StoredHistory.total, ...), newer)` puts them together; None: none.
        code_version: of the package that decided.
    """

    decision: Decision
    situation: Situation
    history: HistoryReference | None
    code_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What a decision leaves for the next one of its loop.

    Attributes:
        observation: what it saw; its traffic holds only the minutes kept beside the decision.
        kept_until: end of the stored minutes that it rests on; None without any.
    """

    scheduled_at: datetime
    memory: Memory
    observation: Observation
    kept_until: datetime | None

    @staticmethod
    def of(recorded: RecordedDecision) -> "Remembered":
        """Of a decision that was read back whole."""
        return Remembered(
            scheduled_at=recorded.decision.scheduled_at,
            memory=recorded.decision.memory,
            observation=recorded.situation.observation,
            kept_until=recorded.history.end if recorded.history else None,
        )


class Decisions(Protocol):
    """The append-only decision log."""

    def record(self, recorded: RecordedDecision) -> bool:
        """Write it once; False when a decision of this id exists already (nothing changes).

        Raises:
            UnknownOutcomeError: the write may have taken effect, and looking again did not tell.
        """

    def exists(self, decision_id: str, target: str, loop: Loop) -> bool:
        """Whether this tick was decided already."""

    def latest(self, target: str, loop: Loop) -> RecordedDecision | None:
        """The newest decision by scheduled time, read consistently.

        Its situation's traffic holds only the minutes kept beside the decision.
        """

    def remembered(self, target: str, loop: Loop) -> Remembered | None:
        """What the newest decision leaves for the next one, read consistently."""

    def between(
        self,
        target: str,
        loop: Loop | None,
        start: datetime,
        end: datetime,
    ) -> tuple[Decision, ...]:
        """Decisions scheduled in [start, end), oldest first; both loops when `loop` is None."""

    def load(self, decision_id: str, history: History) -> RecordedDecision | None:
        """One decision with its whole situation, ready for replay; None when unknown.

        Raises:
            ObservationError: the history that it rests on is missing or differs.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerState:
    """What the ledger holds for one target; both kinds of intents oldest first."""

    record: FleetRecord
    purchases: tuple[PurchaseIntent, ...]
    releases: tuple[ReleaseIntent, ...]

    @property
    def open_purchases(self) -> tuple[PurchaseIntent, ...]:
        """Purchases whose call may or may not have taken effect."""
        return tuple(i for i in self.purchases if i.state is PurchaseState.RECORDED)

    @property
    def open_releases(self) -> tuple[ReleaseIntent, ...]:
        """Releases from the withdrawal to the confirmed deletion."""
        return tuple(i for i in self.releases if i.state in OPEN_RELEASES)

    def purchase_of(self, arn: str) -> PurchaseIntent | None:
        """The purchase that brought this PT; None when it is not ours."""
        return next((i for i in self.purchases if i.arn == arn), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class StackRoom:
    """The caps on all targets together, as one purchase meets them.

    Attributes:
        seen: the sums that the caps were compared with.
        max_units, max_usd_per_hour: caps, less what others hold in the account.
    """

    seen: AccountRecord
    max_units: int
    max_usd_per_hour: Decimal


class Fleets(Protocol):
    """Intents and reservations, changed by conditional writes only.

    An `after` has the version of its `before` plus one, and names the same intent. Each write
    may also raise UnknownOutcomeError: no answer came, and a consistent read did not show it.
    """

    def state_of(self, target: str) -> LedgerState:
        """Record and intents at once, read consistently.

        Whatever moves during the read makes the record's version stale.
        """

    def record_of(self, target: str) -> FleetRecord:
        """The fleet record, with version 0 when none was written yet."""

    def account(self) -> AccountRecord:
        """The sums over all targets, read consistently; version 0 when none was written yet."""

    def trip(self, record: FleetRecord, at: datetime, by: str) -> None:
        """Trip the breaker of the fleet, on the condition that `record` is what is kept.

        Raises:
            StaleDecisionError: the fleet moved.
        """

    def reset(self, record: FleetRecord) -> None:
        """Close the breaker again, on the same condition; for a person.

        Raises:
            StaleDecisionError: the fleet moved.
        """

    def purchases(self, target: str) -> tuple[PurchaseIntent, ...]:
        """All purchase intents, oldest first, read consistently."""

    def releases(self, target: str) -> tuple[ReleaseIntent, ...]:
        """All release intents, oldest first, read consistently."""

    def consent(self, consent_id: str) -> RecordedConsent | None:
        """What a person agreed to, read consistently; None when there is no such consent."""

    def begin_purchase(
        self,
        intent: PurchaseIntent,
        *,
        fleet: FleetRecord,
        unmanaged_units: int,
        max_units: int,
        max_usd_per_hour: Decimal,
        stack: StackRoom | None = None,
    ) -> None:
        """Record the intent and reserve its units in one transaction.

        With `stack`, the sums over all targets must be as seen and stay within its caps. An
        intent that names a consent uses it up in the same transaction.

        Raises:
            StaleDecisionError: the intent exists, the fleet or the sums moved, a cap would be
                crossed, or the consent is used.
        """

    def update_purchase(self, before: PurchaseIntent, after: PurchaseIntent) -> None:
        """Replace an intent, freeing its reservation when it leaves the holding states.

        A consent comes back only with a proven refusal, never with an unknown outcome.

        Raises:
            StaleDecisionError: the intent is not what `before` says.
        """

    def begin_release(self, intent: ReleaseIntent) -> None:
        """Record the intent on absence.

        Raises:
            StaleDecisionError: it exists already.
        """

    def update_release(self, before: ReleaseIntent, after: ReleaseIntent) -> None:
        """Replace an intent.

        Raises:
            StaleDecisionError: the intent is not what `before` says.
        """


class Approvals(Protocol):
    """What persons were asked, and what they answered; the functions ask, persons answer."""

    def ask(self, request: Request) -> bool:
        """Keep a request; False when one of this id was kept before (nothing changes).

        Raises:
            ObservationError: it could not be kept.
            UnknownOutcomeError: it may have been kept.
        """

    def asked(self, target: str, since: datetime) -> tuple[Request, ...]:
        """Requests of the target that end after `since`, oldest first, read consistently."""

    def answer(self, consent_id: str) -> RecordedConsent | None:
        """The answer to a request, read consistently; None while nobody gave one."""


class Answers(Protocol):
    """A person's side of approvals; no function may call it."""

    def give(self, consent: RecordedConsent) -> bool:
        """Keep a consent, or a refusal; False when one of this id is there (nothing changes).

        Raises:
            ObservationError: it could not be kept.
            UnknownOutcomeError: it may have been kept.
        """

    def take_back(self, consent: RecordedConsent, by: str, at: datetime) -> None:
        """Reject a consent that was given and not used.

        Raises:
            StaleDecisionError: it was used or rejected meanwhile.
        """


class RoutingTables(Protocol):
    """The authority for routing tables, and its projection that callers read."""

    def current(self, target: str) -> RoutingTable | None:
        """The table in force, read consistently; None before the first one."""

    def publish(self, table: RoutingTable) -> None:
        """Write version n on the condition that version n - 1 (or none) is in force.

        Raises:
            StaleDecisionError: another version is in force.
        """

    def project(self, table: RoutingTable) -> None:
        """Make the callers' copy equal to `table`; reads first and writes only a difference."""


class Reporter(Protocol):
    """Where people and alarms hear of it."""

    def decided(self, decision: Decision) -> None:
        """One structured line and the counters of one decision."""

    def happened(self, event: str, target: str, **fields: str | float) -> None:
        """One structured line on an outcome, a repair or a refusal."""

    def alarm(self, alarm: str, target: str, message: str) -> None:
        """Something a person must look at: a metric and a line."""

    def asks(self, request: Request) -> None:
        """A purchase waits for a person's word; said again until it is answered or over."""

    def flush(self) -> None:
        """Send what waits to be sent, at the end of a run; never raises, and gives up soon."""
