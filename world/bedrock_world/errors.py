"""What the world answers instead of a result."""


class BedrockError(Exception):
    """An error that AWS models: its code, and the message a client reads."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class ConnectionDroppedError(Exception):
    """A planned fault: the caller gets no answer at all."""


class DriftError(Exception):
    """The world and botocore's service model disagree; a defect of the world, never of a caller."""


def validation(message: str) -> BedrockError:
    """A `ValidationException`."""
    return BedrockError("ValidationException", message)


def not_found(message: str) -> BedrockError:
    """A `ResourceNotFoundException`."""
    return BedrockError("ResourceNotFoundException", message)


def conflict(message: str) -> BedrockError:
    """A `ConflictException`."""
    return BedrockError("ConflictException", message)


def quota_exceeded(message: str) -> BedrockError:
    """A `ServiceQuotaExceededException`."""
    return BedrockError("ServiceQuotaExceededException", message)


# Refusals of the protocol layer, which no service model lists for any operation.
PROTOCOL_ERRORS = frozenset({"SerializationException", "UnknownOperationException"})
# Codes the world can be told to answer although botocore does not list them for the operation.
UNMODELLED_ERRORS: dict[tuple[str, str], str] = {
    ("CreateProvisionedModelThroughput", "ConflictException"): (
        "switch `duplicate_name`: the code for a taken name is undocumented, and a client that "
        "knows only the listed codes must still meet this one"
    ),
    ("CreateModelInvocationJob", "TooManyTagsException"): (
        "tags of a job are as many as those of any resource, whose operations list this code"
    ),
}
