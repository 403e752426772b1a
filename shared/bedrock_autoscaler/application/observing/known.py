"""What one target's own records say, before the metrics are read."""

from dataclasses import dataclass
from datetime import datetime

from bedrock_autoscaler.application.observing.looking import (
    Births,
    Look,
)
from bedrock_autoscaler.application.ports.decisions import Remembered
from bedrock_autoscaler.application.ports.ledger import LedgerState
from bedrock_autoscaler.domain.fleet.holdings import Fleet, Ownership
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent
from bedrock_autoscaler.domain.routing.lawfulness import (
    seen_options,
    sight_of,
)
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.traffic.observation import (
    Observation,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What one target's own records say, before the metrics are read.

    Attributes:
        previous: what the newest decision of the same loop left.
        births: the target's `ModelId`s, without a birth, and the ARN of each PT that was ours at
            any time since the look's earliest minute, with the moment before which it did not
            exist.
        regions: source Regions besides its own whose metrics are read for it, sorted.
        purchases: all that the ledger keeps.
        look: what to read.
        read_to: the minute after the last settled one.
    """

    target: Target
    fleet: Fleet
    previous: Remembered | None
    routes: tuple[Route, ...]
    births: Births
    purchases: tuple[PurchaseIntent, ...]
    look: Look
    read_to: datetime
    regions: tuple[str, ...] = ()

    @property
    def read_from(self) -> datetime:
        """The first minute to read."""
        return self.look.start

    @property
    def before(self) -> Observation | None:
        """What the previous tick of the loop observed."""
        return self.previous.observation if self.previous else None

    @property
    def addresses(self) -> tuple[str, ...]:
        """All addresses that the metrics are asked for."""
        own = (address for address, _ in self.births)
        seen = seen_options(self.target, self.regions)
        options = (sight_of(option, self.regions) for option in seen)
        return tuple(dict.fromkeys([*own, *options]))


def addresses_of(
    target: Target, fleet: Fleet, state: LedgerState, *, start: datetime, regions: tuple[str, ...]
) -> Births:
    """Addresses whose traffic is the target's, and since when each exists; None: always.

    Args:
        target: with its `ModelId`s and options.
        fleet: with others' PTs that serve it.
        state: the ledger's purchases, for PTs that were its own at any time since `start`.
        start: the first minute to read.
        regions: source Regions besides its own that are read.
    """
    return (*_births(target, state, start), *_lent(fleet), *_far(target, regions))


def _births(target: Target, state: LedgerState, start: datetime) -> Births:
    """Its `ModelId`s, and its own PTs."""
    bought = tuple(
        (intent.arn, intent.recorded_at)
        for intent in state.purchases
        if intent.arn is not None and (intent.ended_at is None or intent.ended_at > start)
    )
    return (*((model_id, None) for model_id in target.model_ids), *bought)


def _lent(fleet: Fleet) -> Births:
    """Others' PTs that serve the target because a person said so: their traffic is its own."""
    return tuple(
        (pt.arn, pt.created_at) for pt in fleet.serving if pt.ownership is Ownership.UNMANAGED
    )


def _far(target: Target, regions: tuple[str, ...]) -> tuple[tuple[str, None], ...]:
    """What the target's options carry in other source Regions: as much its demand as at home."""
    far = (option for option in seen_options(target, regions) if option.region in regions)
    return tuple((sight_of(option, regions), None) for option in far)
