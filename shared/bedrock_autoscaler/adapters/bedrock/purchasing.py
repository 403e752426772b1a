"""The Purchasing port: one call that spends, and the search for what it may have bought."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, override

from botocore.exceptions import BotoCoreError, ClientError

from bedrock_autoscaler.adapters.bedrock.errors import purchase_error
from bedrock_autoscaler.adapters.bedrock.listing import (
    DECISION_TAG,
    DEPLOYMENT_TAG,
    TARGET_TAG,
    Listing,
)
from bedrock_autoscaler.application.errors import CapacityUnavailableError, ObservationError
from bedrock_autoscaler.application.ports.bedrock import ListedThroughput, Purchasing
from bedrock_autoscaler.application.purchasing.identifying import came_of
from bedrock_autoscaler.domain.target import Commitment

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient

    from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent


_TERMS = {Commitment.ONE_MONTH: "OneMonth", Commitment.SIX_MONTHS: "SixMonths"}


class BedrockPurchasing(Purchasing):
    """Buys without commitment, unless the intent names the consent that it used up.

    Args:
        deployment: value of the owner tag.
    """

    def __init__(self, client: BedrockClient, deployment: str) -> None:
        self._client = client
        self._deployment = deployment
        self._listing = Listing(client)

    @override
    def buy(self, intent: PurchaseIntent) -> str:
        """Create the PT with the intent's token, name and tags; its ARN.

        Raises:
            CapacityUnavailableError: proven refusal, nothing was bought.
            UnknownOutcomeError: the call may have taken effect.
        """
        term: dict[str, Any] = {}
        if intent.commitment is not Commitment.NONE:
            if intent.consent_id is None:
                reason = f"purchase {intent.name} asks for a term that nobody consented to"
                raise CapacityUnavailableError(reason, code="CommitmentRefused")
            term = {"commitmentDuration": _TERMS[intent.commitment]}
        tags = {
            DEPLOYMENT_TAG: self._deployment,
            TARGET_TAG: intent.target,
            DECISION_TAG: intent.decision_id,
        }
        try:
            answer = self._client.create_provisioned_model_throughput(
                clientRequestToken=intent.token,
                provisionedModelName=intent.name,
                modelId=intent.model_id,
                modelUnits=intent.model_units,
                tags=[{"key": key, "value": value} for key, value in tags.items()],
                **term,
            )
        except (BotoCoreError, ClientError) as error:
            raise purchase_error(intent.name, error) from error
        return answer["provisionedModelArn"]

    @override
    def find(self, intent: PurchaseIntent) -> ListedThroughput | None:
        """The PT of this intent: by its ARN; while that is not known by name, then by listed tags.

        None means that Get does not know its ARN, or that neither Get nor the whole list shows it;
        since lists lag, the latter is evidence only after the grace of the repair.

        Raises:
            ObservationError: a read failed or broke off, or the PT has no owner tag.
        """
        named = self._listing.get(intent.arn or intent.name)
        if named is not None:
            if came_of(named, intent, self._deployment):
                return named
            if named.deployment is None:
                reason = f"{named.arn} of {intent.name} has no owner tag yet, or none any more"
                raise ObservationError(reason)
        if intent.arn is not None:
            return None
        inventory = self._listing.all()
        for listed in inventory.throughputs:
            # Of the one just looked at the list may remember tags that it had before.
            is_looked_at = named is not None and listed.arn == named.arn
            if not is_looked_at and came_of(listed, intent, self._deployment):
                return listed
        if not inventory.complete:
            reason = f"purchase {intent.name} was not found in an incomplete list"
            raise ObservationError(reason)
        return None
