"""From single requests to a trace."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from bedrock_autoscaler.backtest.errors import TraceError
from bedrock_autoscaler.backtest.trace import OUTSIDE_YEARS, Trace
from bedrock_autoscaler.domain.units import MINUTE, floor_minute, whole_minutes
from bedrock_autoscaler.traces.source import check_span, trace_of


class RequestCounter:
    """Adds requests up by minute, counted from a first midnight.

    Attributes:
        epoch: the moment that minute 0 begins.
    """

    def __init__(self, epoch: datetime) -> None:
        self.epoch = floor_minute(epoch)
        self._sums: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0, 0])

    def add(self, minute: int, input_tokens: int, output_tokens: int) -> None:
        """Count one request that arrived in minute `minute` after the epoch."""
        sums = self._sums[minute]
        sums[0] += 1
        sums[1] += input_tokens
        sums[2] += output_tokens

    def minute_of(self, moment: datetime) -> int:
        """The number of the minute that `moment` lies in."""
        return whole_minutes(floor_minute(moment) - self.epoch)

    def trace(self, files: Sequence[Path]) -> Trace:
        """The first to the last minute with a request; a minute between without one is zero.

        A log of requests is complete: what it does not mention did not happen.

        Args:
            files: where the requests were read from, for the name and for the error.

        Raises:
            TraceError: nothing was counted, or it lies too far apart, or its sums are too large.
        """
        if not self._sums:
            raise TraceError(files[0], None, "holds no request")
        first, last = min(self._sums), max(self._sums)
        check_span(files[0], last - first + 1)
        columns = np.zeros((3, last - first + 1))
        for minute, sums in self._sums.items():
            columns[:, minute - first] = sums
        try:
            start = self.epoch + first * MINUTE
        except OverflowError as error:
            reason = f"{OUTSIDE_YEARS}; are the times seconds?"
            raise TraceError(files[0], None, reason) from error
        return trace_of(files[0], files[0].name, start, (columns[0], columns[1], columns[2]))
