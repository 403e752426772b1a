"""The errors of the application; each class tells the reaction it asks for."""


class AutoscalerError(Exception):
    """Base of all errors of this package."""


class ConfigurationError(AutoscalerError):
    """A person must change something; nothing was changed."""


class ObservationError(AutoscalerError):
    """A source could not be read; the loop holds, counts and reports it."""


class PlaceUnreachableError(ObservationError):
    """An account and Region cannot be reached at all; its targets hold, the others go on."""


class NewerRecordError(ObservationError):
    """A newer version of this code wrote the record; whom it concerns holds, the others go on."""


class CapacityUnavailableError(AutoscalerError):
    """Bedrock refused the purchase now (quota, capacity, policy, life cycle).

    Attributes:
        code: AWS's error code.
    """

    def __init__(self, message: str, *, code: str) -> None:
        """Keep the code beside the message."""
        super().__init__(message)
        self.code = code


class CommitmentActiveError(AutoscalerError):
    """Bedrock refuses to delete a provisioned throughput under a term; drop the action."""


class ThroughputNotFoundError(AutoscalerError):
    """The provisioned throughput does not exist; treat a release as done."""


class UnknownOutcomeError(AutoscalerError):
    """A call may or may not have taken effect; leave its intent open for the repair."""


class StaleDecisionError(AutoscalerError):
    """The world moved between deciding and acting; end quietly and decide anew."""


class SettingsMovedError(AutoscalerError):
    """Another write of the same settings document came between; read it and change it again."""


class TargetsFailedError(AutoscalerError):
    """The pass of some targets failed and was reported; the run as a whole counts as failed."""
