"""What an error of the AWS SDK is told as: its code and request, never its message."""

from botocore.exceptions import BotoCoreError, ClientError

from bedrock_autoscaler.application.errors import ObservationError

type SdkError = BotoCoreError | ClientError


def code_of(error: Exception) -> str:
    """AWS's error code, or the class of an error of the SDK's own (time-outs, connections)."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "Unknown"))
    return type(error).__name__


def described(error: Exception) -> str:
    """The code and the request id; the text of an answer may carry names, so it is left out."""
    if not isinstance(error, ClientError):
        return code_of(error)
    request = error.response.get("ResponseMetadata", {}).get("RequestId", "none")
    return f"{code_of(error)}, request {request}"


def unread(subject: str, error: Exception) -> ObservationError:
    """The error of a read that failed."""
    return ObservationError(f"{subject} could not be read: {described(error)}")
