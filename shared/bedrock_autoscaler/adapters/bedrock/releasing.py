"""The Releasing port: one last look at a PT, and its deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING, override

from botocore.exceptions import BotoCoreError, ClientError

from bedrock_autoscaler.adapters.bedrock.errors import deletion_error
from bedrock_autoscaler.adapters.bedrock.listing import Listing
from bedrock_autoscaler.application.errors import CommitmentActiveError, ObservationError
from bedrock_autoscaler.application.ports.bedrock import ListedThroughput, Releasing
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import end_text
from bedrock_autoscaler.sdk_errors import code_of

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient

# AWS does not say with which of the two it refuses to delete before the end of a term.
_PERHAPS_A_TERM = frozenset({"ConflictException", "ValidationException"})


class BedrockReleasing(Releasing):
    """Deletes PTs; whether one may be deleted is decided before."""

    def __init__(self, client: BedrockClient) -> None:
        self._client = client
        self._listing = Listing(client)

    @override
    def get(self, arn: str) -> ListedThroughput | None:
        """The PT with its tags, both read afresh; None when Bedrock does not know it."""
        return self._listing.get(arn)

    @override
    def delete(self, arn: str) -> None:
        """Delete the PT; on a refusal it is looked at once more, to tell a term from a conflict.

        Raises:
            ThroughputNotFoundError: it was gone already.
            CommitmentActiveError: a term forbids it.
            UnknownOutcomeError: anything else; look again later.
        """
        try:
            self._client.delete_provisioned_model_throughput(provisionedModelId=arn)
        except (BotoCoreError, ClientError) as error:
            committed = self._committed(arn) if code_of(error) in _PERHAPS_A_TERM else None
            if committed is not None:
                until = end_text(committed.committed_until)
                reason = f"{arn} is under a term until {until}; Bedrock refused to delete it"
                raise CommitmentActiveError(reason) from error
            raise deletion_error(arn, error) from error

    def _committed(self, arn: str) -> ListedThroughput | None:
        """The PT, where it can be read and is under a term."""
        try:
            found = self._listing.get(arn)
        except ObservationError:
            return None
        return found if found is not None and found.commitment is not Commitment.NONE else None
