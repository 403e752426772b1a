"""Why a stack was not found, and what a person does about it."""

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)

from bedrock_autoscaler.cli.output import CommandError


def unreached(stack: str, error: BotoCoreError | ClientError, *, others: str = "") -> CommandError:
    """The refusal of a command that cannot find its stack.

    Args:
        stack: its name.
        error: what the SDK says.
        others: what the command takes in place of a stack, as a clause.
    """
    told = " ".join(str(error).split()).rstrip(".")
    if isinstance(error, NoRegionError):
        help_ = "name the stack's Region, as by export AWS_DEFAULT_REGION=us-east-1"
    elif isinstance(error, NoCredentialsError | PartialCredentialsError):
        help_ = "log in to AWS, or name a profile by export AWS_PROFILE=NAME"
    else:
        help_ = "name another with --stack"
    return CommandError(f"stack {stack!r} cannot be read: {told}; {help_}{others}")
