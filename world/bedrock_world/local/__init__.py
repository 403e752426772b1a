"""The local AWS: an emulator process, the deployed stack in it, and clients bound to both."""

from bedrock_world.local.aws import LocalAws, StackOutputs
from bedrock_world.local.errors import FunctionFailedError, LocalAwsError

__all__ = ["FunctionFailedError", "LocalAws", "LocalAwsError", "StackOutputs"]
