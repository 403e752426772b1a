"""Bedrock as the loops and the actors use it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.fleet.intent import (
    PurchaseIntent,
)
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.traffic.observation import EndpointState, ModelEnd


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

    def end_of_life(self, model_id: str) -> ModelEnd | None:
        """When the model ends, as far as that is announced; None: it could not be read."""

    def model_unit_quota(
        self, model_id: str, commitment: Commitment = Commitment.NONE
    ) -> int | None:
        """Applied model-unit quota that binds purchases of this model; None unknown.

        Without commitment the lesser of the account's pool and the model's own binds, under a term
        the model's own.
        """


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
        """The PT of this intent by ARN, else by name and full list, with our tags; None if absent.

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
