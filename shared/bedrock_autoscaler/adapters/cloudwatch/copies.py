"""Copies of imported models, as CloudWatch has them by 5 minutes."""

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.sdk_errors import unread

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

_WINDOW = timedelta(minutes=5)
_METRIC = "ModelCopy"


def read_copies(
    client: "CloudWatchClient", address: str, start: datetime, end: datetime
) -> tuple[int, ...]:
    """The Maximum of each window of 5 minutes; 0 where there is no point.

    Source: Bedrock User Guide, import-model-calculate-cost, read 2026-11-21.

    Raises:
        ObservationError: they could not be read, or not all of them.
    """
    try:
        answer = client.get_metric_data(
            MetricDataQueries=[
                {
                    "Id": "copies",
                    "MetricStat": {
                        "Metric": {
                            "Namespace": "AWS/Bedrock",
                            "MetricName": _METRIC,
                            "Dimensions": [{"Name": "ModelId", "Value": address}],
                        },
                        "Period": int(_WINDOW.total_seconds()),
                        "Stat": "Maximum",
                    },
                }
            ],
            StartTime=start,
            EndTime=end,
        )
    except (BotoCoreError, ClientError) as error:
        raise unread(f"copies of {address}", error) from error
    (result,) = answer["MetricDataResults"]
    if result["StatusCode"] != "Complete":
        raise ObservationError(f"copies of {address} ended {result['StatusCode']}")
    windows = [0] * ((end - start) // _WINDOW)
    for moment, value in zip(result["Timestamps"], result["Values"], strict=True):
        position = (moment - start) // _WINDOW
        if 0 <= position < len(windows) and math.isfinite(value):
            windows[position] = max(windows[position], math.ceil(value))
    return tuple(windows)
