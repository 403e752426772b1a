"""Why a stack was not found, and what a person does about it."""

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - the SDK's name
    HTTPClientError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
)

from bedrock_autoscaler.cli.output import CommandError
from bedrock_autoscaler.sdk_errors import code_of

_REGION = "name the stack's Region, as by export AWS_DEFAULT_REGION=us-east-1"
_LOG_IN = "log in to AWS, or name a profile by export AWS_PROFILE=NAME"
_REMEDIES: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((NoRegionError, InvalidRegionError), _REGION),
    ((NoCredentialsError, PartialCredentialsError, SSOError), _LOG_IN),
    (
        (ProfileNotFound,),
        "name one that `aws configure list-profiles` has by export AWS_PROFILE=NAME",
    ),
    (
        (ConnectionError, HTTPClientError),
        f"look at the network, the proxy and AWS_ENDPOINT_URL, or {_REGION}",
    ),
)
_NO_STACK = "ValidationError"
_NO_RIGHT = ("AccessDenied", "Token", "Signature", "Unauthorized", "OptInRequired", "AuthFailure")


def unreached(stack: str, error: BotoCoreError | ClientError, *, others: str = "") -> CommandError:
    """The refusal of a command that cannot find its stack.

    Args:
        stack: its name.
        error: what the SDK says.
        others: what the command takes in place of a stack, as a clause.
    """
    told = " ".join(str(error).split()).rstrip(".")
    return CommandError(f"stack {stack!r} cannot be read: {told}; {_remedy(error)}{others}")


def _remedy(error: BotoCoreError | ClientError) -> str:
    """What a person does about the cause."""
    for kinds, remedy in _REMEDIES:
        if isinstance(error, kinds):
            return remedy
    code = code_of(error)
    if code == _NO_STACK:
        return (
            "name another with --stack, or the Region that it is in by export "
            "AWS_DEFAULT_REGION=REGION"
        )
    if any(word in code for word in _NO_RIGHT):
        return "use credentials that are valid and may call cloudformation:DescribeStacks"
    return "try again"
