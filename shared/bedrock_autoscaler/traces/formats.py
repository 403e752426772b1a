"""The names of what `traces` can import and make; imports nothing heavy."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

SAMPLE_SEED = 20250303


class TraceFormat(StrEnum):
    """A format that `import_trace` reads."""

    BURSTGPT = "burstgpt"
    AZURE_2023 = "azure2023"
    AZURE_2024 = "azure2024"
    SERVEGEN = "servegen"
    CLOUDWATCH = "cloudwatch"


class Gaps(StrEnum):
    """What an unread minute of a CloudWatch export becomes."""

    REFUSE = "refuse"
    ZERO = "zero"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What the files themselves do not say.

    Attributes:
        epoch: date of second 0, for `burstgpt` and `servegen`.
        seed: of the draws, for `servegen`.
        gaps: for `cloudwatch`.
        attempts_per_call: throttles that one throttled call shows up as, for `cloudwatch`.
    """

    epoch: datetime
    seed: int
    gaps: Gaps
    attempts_per_call: float
