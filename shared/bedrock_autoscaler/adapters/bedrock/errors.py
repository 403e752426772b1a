"""AWS's refusals in our words; branched by code, since two codes share one HTTP status."""

from botocore.exceptions import (
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)

from bedrock_autoscaler.application.errors import (
    CapacityUnavailableError,
    ThroughputNotFoundError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.sdk_errors import SdkError, code_of, described

NOT_FOUND = "ResourceNotFoundException"

REFUSALS = frozenset(
    {
        "AccessDeniedException",
        "ConflictException",
        NOT_FOUND,
        "ServiceQuotaExceededException",
        "TooManyTagsException",
        "ValidationException",
        # answered at the door, before the operation is looked at
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "NotAuthorized",
        "OptInRequired",
        "UnrecognizedClientException",
    }
)
"""Codes that prove that a change had no effect, when they answer its first attempt."""

_NEVER_SENT = (NoCredentialsError, ParamValidationError, PartialCredentialsError)


def is_refusal(error: SdkError) -> bool:
    """Whether it proves that the call changed nothing.

    A refusal does so only as the answer to the first attempt: before a retry, an earlier attempt
    may have taken effect without its answer being read.
    """
    if not isinstance(error, ClientError) or code_of(error) not in REFUSALS:
        return False
    return not error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0)


def purchase_error(name: str, error: SdkError) -> CapacityUnavailableError | UnknownOutcomeError:
    """What a failed purchase call means."""
    if isinstance(error, _NEVER_SENT) or is_refusal(error):
        refused = f"purchase {name} was refused: {described(error)}"
        return CapacityUnavailableError(refused, code=code_of(error))
    return UnknownOutcomeError(f"purchase {name} has no certain outcome: {described(error)}")


def deletion_error(arn: str, error: SdkError) -> ThroughputNotFoundError | UnknownOutcomeError:
    """What a failed deletion means, as far as its code tells; a term shows in the throughput."""
    if code_of(error) == NOT_FOUND:
        return ThroughputNotFoundError(f"{arn} does not exist")
    return UnknownOutcomeError(f"deletion of {arn} has no certain outcome: {described(error)}")
