"""A fast model of Bedrock's control plane behind the ports that the actors use.

It keeps what the failure model needs: tokens, names, quotas, life cycles, lead times, purchases
that fail or never end, lists and tags that lag, effects that come after the answer was lost.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bedrock_autoscaler.application.errors import (
    AutoscalerError,
    CapacityUnavailableError,
    CommitmentActiveError,
    ObservationError,
    ThroughputNotFoundError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.application.ports.bedrock import Inventory, ListedThroughput
from bedrock_autoscaler.application.ports.clock import Clock
from bedrock_autoscaler.application.purchasing.identifying import came_of
from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.traffic.observation import ModelEnd
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import ACCOUNT, REGION

_TERM = timedelta(days=30)


@dataclass(slots=True, kw_only=True)
class Tags:
    """The owner tags as they are from a moment on."""

    since: datetime
    deployment: str | None
    target: str | None
    decision_id: str | None


@dataclass(slots=True, kw_only=True, eq=False)
class SimulatedPt:
    """One PT as it truly is.

    Attributes:
        bought_for: the decision whose call of ours made it; None when others made it.
        ready_at, failed_at, gone_at: None when that never happens.
        deleted_by_us: a Delete of ours took effect.
        is_forgotten: the ledger went back to before that Delete, and cannot know of it.
    """

    arn: str
    name: str
    model_id: str
    units: int
    created_at: datetime
    ready_at: datetime | None
    failed_at: datetime | None
    tags: list[Tags]
    bought_for: str | None
    target: str | None
    commitment: Commitment = Commitment.NONE
    committed_until: datetime | None = None
    gone_at: datetime | None = None
    deleted_by_us: bool = False
    is_forgotten: bool = False
    _shown: dict[tuple[Status, int], ListedThroughput] = field(default_factory=dict)

    def exists(self, at: datetime) -> bool:
        """Whether it was there at this moment."""
        return self.created_at <= at and (self.gone_at is None or at < self.gone_at)

    def status(self, at: datetime) -> Status:
        """Its state at a moment at which it exists."""
        if self.failed_at is not None and at >= self.failed_at:
            return Status.FAILED
        if self.ready_at is not None and at >= self.ready_at:
            return Status.IN_SERVICE
        return Status.CREATING

    def tags_at(self, at: datetime) -> int:
        """Index of the tags that were in force, -1 before the first."""
        index = len(self.tags) - 1
        while index >= 0 and self.tags[index].since > at:
            index -= 1
        return index

    def forget_shown(self) -> None:
        """What was shown is not what it is any more."""
        self._shown.clear()

    def shown(self, at: datetime, tags: int) -> ListedThroughput:
        """What Bedrock answers about it."""
        status = self.status(at)
        found = self._shown.get((status, tags))
        if found is None:
            labels = self.tags[tags] if tags >= 0 else None
            found = ListedThroughput(
                arn=self.arn,
                name=self.name,
                model_arn=f"arn:aws:bedrock:{REGION}::foundation-model/{self.model_id}",
                model_units=self.units,
                status=status,
                commitment=self.commitment,
                created_at=self.created_at,
                committed_until=self.committed_until,
                deployment=labels.deployment if labels else None,
                target=labels.target if labels else None,
                decision_id=labels.decision_id if labels else None,
            )
            self._shown[status, tags] = found
        return found


@dataclass(slots=True, kw_only=True)
class Knobs:
    """How this Bedrock behaves; a schedule draws them."""

    list_lag: timedelta = timedelta(0)
    tag_lag: timedelta = timedelta(0)
    lead_time: timedelta = 10 * MINUTE
    token_lifetime: timedelta = timedelta(hours=24)
    descending: bool = False
    names_are_unique: bool = True


class SimulatedBedrock:
    """Implements Capacity, Purchasing and Releasing.

    Attributes:
        pts: every PT that ever was, by ARN.
        quota: applied model-unit quota by model; None unknown.
        legacy: models that are not sold any more.
        endings: what becomes of the next purchases: a lead time, `failed` or `stuck`.
        on_created, on_gone: told of each PT that comes into being or ends.
    """

    def __init__(self, clock: Clock, deployment: str, knobs: Knobs) -> None:
        self.knobs = knobs
        self.pts: dict[str, SimulatedPt] = {}
        self.quota: dict[str, int | None] = {}
        self.legacy: set[str] = set()
        self.endings: list[timedelta | str] = []
        self.on_created: Callable[[SimulatedPt], None] = lambda _: None
        self.on_gone: Callable[[SimulatedPt], None] = lambda _: None
        self._clock = clock
        self._deployment = deployment
        self._tokens: dict[str, tuple[datetime, str]] = {}
        self._late: list[tuple[datetime, str, Callable[[], object]]] = []

    # -- Capacity ------------------------------------------------------------------------------

    def inventory(self) -> Inventory:
        """Everything as it stood a list lag ago, with the tags of a tag lag ago."""
        return Inventory(throughputs=tuple(self._listed()), complete=True)

    def partial_inventory(self) -> Inventory:
        """The same, broken off after its first half."""
        listed = self._listed()
        return Inventory(throughputs=tuple(listed[: len(listed) // 2]), complete=False)

    def is_active(self, model_id: str) -> bool | None:
        """Whether the model is sold."""
        return model_id not in self.legacy

    def end_of_life(self, model_id: str) -> ModelEnd | None:
        """No end is announced."""
        del model_id
        return ModelEnd(at=None)

    def model_unit_quota(
        self, model_id: str, commitment: Commitment = Commitment.NONE
    ) -> int | None:
        """The applied quota."""
        del commitment
        return self.quota.get(model_id)

    # -- Purchasing ----------------------------------------------------------------------------

    def buy(self, intent: PurchaseIntent) -> str:
        """Create it, unless its token is known or something forbids it."""
        now = self._clock.now()
        used = self._tokens.get(intent.token)
        if used is not None and now - used[0] < self.knobs.token_lifetime:
            return used[1]
        self._refuse(intent, now)
        pt = self.add(
            name=intent.name,
            model_id=intent.model_id,
            units=intent.model_units,
            tags=(self._deployment, intent.target, intent.decision_id),
            bought_for=intent.decision_id,
            target=intent.target,
            commitment=intent.commitment,
            committed_until=None if intent.commitment is Commitment.NONE else now + _TERM,
        )
        self._tokens[intent.token] = (now, pt.arn)
        return pt.arn

    def find(self, intent: PurchaseIntent) -> ListedThroughput | None:
        """By its ARN, where that is known; else by its name now, then by its tags in the list."""
        now = self._clock.now()
        for pt in self.pts.values():
            is_meant = pt.name == intent.name if intent.arn is None else pt.arn == intent.arn
            if is_meant and pt.exists(now):
                named = self._shown_now(pt, now)
                if came_of(named, intent, self._deployment):
                    return named
                if named.deployment is None:
                    raise ObservationError(f"{pt.arn} has no owner tag yet")
        if intent.arn is not None:
            return None
        for listed in self._listed():
            if came_of(listed, intent, self._deployment):
                return listed
        return None

    # -- Releasing -----------------------------------------------------------------------------

    def get(self, arn: str) -> ListedThroughput | None:
        """The PT as it is now; tags may lag."""
        now = self._clock.now()
        pt = self.pts.get(arn)
        return self._shown_now(pt, now) if pt is not None and pt.exists(now) else None

    def delete(self, arn: str) -> None:
        """Delete it at once, unless a term or its state forbids it.

        The role lets only PTs with the owner tag go, as its policy says.
        """
        now = self._clock.now()
        pt = self.pts.get(arn)
        if pt is None or not pt.exists(now):
            raise ThroughputNotFoundError(f"{arn} does not exist")
        if pt.tags_at(now) < 0 or pt.tags[pt.tags_at(now)].deployment != self._deployment:
            raise UnknownOutcomeError(f"{arn}: AccessDeniedException")
        if pt.committed_until is not None and pt.committed_until > now:
            raise CommitmentActiveError(f"{arn} is committed until {pt.committed_until}")
        if pt.status(now) is Status.CREATING:
            raise UnknownOutcomeError(f"{arn}: ConflictException")
        pt.gone_at, pt.deleted_by_us = now, True
        self.on_gone(pt)

    # -- the world's own doings ----------------------------------------------------------------

    def later(self, due: datetime, subject: str, effect: Callable[[], object]) -> None:
        """Let a call that had no answer take effect at a later moment."""
        self._late.append((due, subject, effect))

    def is_to_come(self, subject: str) -> bool:
        """Whether a call about this will still take effect."""
        return any(subject == about for _, about, _ in self._late)

    def next_due(self) -> datetime | None:
        """When the next late effect comes; None when none is to come."""
        return min((due for due, _, _ in self._late), default=None)

    def settle(self, now: datetime) -> None:
        """Let everything take effect that is due."""
        due = [effect for at, _, effect in self._late if at <= now]
        self._late = [each for each in self._late if each[0] > now]
        for effect in due:
            try:
                effect()
            except AutoscalerError:
                continue  # refused: nobody hears of it any more

    def add(
        self,
        *,
        name: str,
        model_id: str,
        units: int,
        tags: tuple[str | None, str | None, str | None] | None = None,
        bought_for: str | None = None,
        target: str | None = None,
        commitment: Commitment = Commitment.NONE,
        committed_until: datetime | None = None,
    ) -> SimulatedPt:
        """Create a PT past all checks."""
        now = self._clock.now()
        ending = self.endings.pop(0) if self.endings else self.knobs.lead_time
        arn = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:provisioned-model/{len(self.pts) + 1:012d}"
        pt = SimulatedPt(
            arn=arn,
            name=name,
            model_id=model_id,
            units=units,
            created_at=now,
            ready_at=now + ending if isinstance(ending, timedelta) else None,
            failed_at=now + self.knobs.lead_time if ending == "failed" else None,
            tags=[],
            bought_for=bought_for,
            target=target,
            commitment=commitment,
            committed_until=committed_until,
        )
        if tags is not None:
            pt.tags.append(_tags(now, *tags))
        self.pts[arn] = pt
        self.on_created(pt)
        return pt

    def vanish(self, pt: SimulatedPt) -> None:
        """Someone else deletes it."""
        pt.gone_at = self._clock.now()
        self.on_gone(pt)

    def retag(self, pt: SimulatedPt, tags: tuple[str | None, str | None, str | None]) -> None:
        """Someone else changes its tags."""
        pt.tags.append(_tags(self._clock.now(), *tags))

    def rename(self, pt: SimulatedPt, name: str) -> None:
        """Someone else changes its name."""
        pt.name = name
        pt.forget_shown()

    def existing(self) -> list[SimulatedPt]:
        """What truly exists now."""
        now = self._clock.now()
        return [pt for pt in self.pts.values() if pt.exists(now)]

    # -- answers -------------------------------------------------------------------------------

    def _listed(self) -> list[ListedThroughput]:
        now = self._clock.now()
        shown, tagged = now - self.knobs.list_lag, now - self.knobs.tag_lag
        found = [
            pt.shown(shown, pt.tags_at(tagged)) for pt in self.pts.values() if pt.exists(shown)
        ]
        if self.knobs.descending:
            found.reverse()
        return found

    def _shown_now(self, pt: SimulatedPt, now: datetime) -> ListedThroughput:
        return pt.shown(now, pt.tags_at(now - self.knobs.tag_lag))

    def _refuse(self, intent: PurchaseIntent, now: datetime) -> None:
        if intent.model_id in self.legacy:
            raise _refusal("ValidationException", f"{intent.model_id} is LEGACY")
        held = 0
        for pt in self.pts.values():
            if not pt.exists(now):
                continue
            if self.knobs.names_are_unique and pt.name == intent.name:
                raise _refusal("ValidationException", f"the name {intent.name} is taken")
            if pt.model_id == intent.model_id and pt.commitment is Commitment.NONE:
                held += pt.units
        quota = self.quota.get(intent.model_id)
        if intent.commitment is not Commitment.NONE:
            return  # a quota of its own, which never binds here
        if quota is not None and held + intent.model_units > quota:
            raise _refusal("ServiceQuotaExceededException", f"{held} of {quota} units are used")


def _refusal(code: str, text: str) -> CapacityUnavailableError:
    return CapacityUnavailableError(text, code=code)


def _tags(
    since: datetime, deployment: str | None, target: str | None, decision_id: str | None
) -> Tags:
    return Tags(since=since, deployment=deployment, target=target, decision_id=decision_id)
