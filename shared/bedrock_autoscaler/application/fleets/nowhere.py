"""What is seen of a place that cannot be reached: nothing, and why."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import override

from bedrock_autoscaler.application.errors import PlaceUnreachableError
from bedrock_autoscaler.application.ports.bedrock import Capacity, Inventory
from bedrock_autoscaler.application.ports.cloudwatch import Metrics, MetricsReading
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.traffic.observation import ModelEnd


class Nowhere(Metrics, Capacity):
    """Metrics and capacity of a place that cannot be reached: every reading says so.

    Args:
        reason: why it cannot be reached.
    """

    def __init__(self, reason: str) -> None:
        self._reason = reason

    @override
    def read(
        self,
        model_ids: Sequence[str],
        start: datetime,
        end: datetime,
        series: Mapping[str, Collection[str]] | None = None,
    ) -> MetricsReading:
        """Nothing.

        Raises:
            PlaceUnreachableError: always.
        """
        del model_ids, start, end, series
        raise PlaceUnreachableError(self._reason)

    @override
    def model_ids(self) -> frozenset[str]:
        """Nothing.

        Raises:
            PlaceUnreachableError: always.
        """
        raise PlaceUnreachableError(self._reason)

    @override
    def copies(self, address: str, start: datetime, end: datetime) -> tuple[int, ...]:
        """Nothing.

        Raises:
            PlaceUnreachableError: always.
        """
        del address, start, end
        raise PlaceUnreachableError(self._reason)

    @override
    def beat(self, at: datetime) -> None:
        """Prove nothing.

        Raises:
            PlaceUnreachableError: always.
        """
        del at
        raise PlaceUnreachableError(self._reason)

    @override
    def inventory(self) -> Inventory:
        """Nothing.

        Raises:
            PlaceUnreachableError: always.
        """
        raise PlaceUnreachableError(self._reason)

    @override
    def is_active(self, model_id: str) -> bool | None:
        """Unknown."""
        del model_id
        return None

    @override
    def end_of_life(self, model_id: str) -> ModelEnd | None:
        """Unknown."""
        del model_id
        return None

    @override
    def model_unit_quota(
        self, model_id: str, commitment: Commitment = Commitment.NONE
    ) -> int | None:
        """Unknown."""
        del model_id, commitment
        return None
