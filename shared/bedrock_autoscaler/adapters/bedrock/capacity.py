"""The Capacity port: inventory, life cycle of models, applied quotas."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, override

from botocore.exceptions import BotoCoreError, ClientError

from bedrock_autoscaler.adapters.bedrock.errors import NOT_FOUND
from bedrock_autoscaler.adapters.bedrock.listing import Listing
from bedrock_autoscaler.application.ports.bedrock import Capacity, Inventory
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.traffic.observation import ModelEnd
from bedrock_autoscaler.domain.units import as_utc
from bedrock_autoscaler.sdk_errors import SdkError, code_of, described

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_bedrock.type_defs import FoundationModelDetailsTypeDef
    from mypy_boto3_service_quotas import ServiceQuotasClient

    from bedrock_autoscaler.application.ports.persons import Reporter

_SERVICE = "bedrock"
_NO_APPLIED_VALUE = "NoSuchResourceException"
_NO_SUCH_MODEL = frozenset({NOT_FOUND, "ValidationException"})


class BedrockCapacity(Capacity):
    """What Bedrock holds and sells, from Bedrock and Service Quotas.

    Args:
        quota_codes: the Service Quotas codes that bind purchases of a model, the pool first
            and its own last.
        reporter: hears why a quota, a life cycle or a part of the inventory is unknown.
    """

    def __init__(
        self,
        bedrock: BedrockClient,
        quotas: ServiceQuotasClient,
        quota_codes: Callable[[str], tuple[str, ...]],
        reporter: Reporter,
    ) -> None:
        self._bedrock = bedrock
        self._quotas = quotas
        self._quota_codes = quota_codes
        self._reporter = reporter
        self._listing = Listing(bedrock)

    @override
    def inventory(self) -> Inventory:
        """Every PT of the account and Region, with its tags."""
        found = self._listing.all()
        if not found.complete:
            self._reporter.happened("inventory_partial", "", error=self._listing.problem)
        return found

    @override
    def is_active(self, model_id: str) -> bool | None:
        """Whether Bedrock sells new units of the model: ACTIVE and PROVISIONED; None unknown.

        Where Bedrock does not describe a context-length variant, the id before its last colon
        tells the life cycle, and may leave open whether units are sold. A custom model is sold as
        long as its base is.
        """
        wanted = _base_variant(model_id)
        try:
            found = self._described(wanted)
        except (BotoCoreError, ClientError) as error:
            self._unknown("life_cycle_unread", model_id, error)
            return None
        status = found.get("modelLifecycle", {}).get("status")
        if status is None:
            return None
        is_sold = "PROVISIONED" in found.get("inferenceTypesSupported", ())
        if status == "ACTIVE" and not is_sold and found["modelId"] != wanted:
            return None
        return status == "ACTIVE" and is_sold

    @override
    def end_of_life(self, model_id: str) -> ModelEnd | None:
        """The announced end of life of the model, or of a custom model's base."""
        try:
            found = self._described(_base_variant(model_id))
        except (BotoCoreError, ClientError) as error:
            self._unknown("life_cycle_unread", model_id, error)
            return None
        life_cycle = found.get("modelLifecycle")
        if life_cycle is None:
            return None
        end = life_cycle.get("endOfLifeTime")
        return ModelEnd(at=None if end is None else as_utc(end))

    @override
    def model_unit_quota(
        self, model_id: str, commitment: Commitment = Commitment.NONE
    ) -> int | None:
        """The least applied quota among those that bind purchases of the model; None unknown.

        A purchase needs room in the account's pool and in the model's own quota, so that the
        lesser one binds and both must be readable. Where no code of the model's own quota is
        known, the pool stands alone: Bedrock refuses what the other one forbids, at no cost.
        Units under a term are not in the pool: it stands only where no other code is known.
        """
        codes = self._quota_codes(model_id)
        applied = []
        for code in codes if commitment is Commitment.NONE else codes[-1:]:
            try:
                applied.append(self._quota(code))
            except (BotoCoreError, ClientError) as error:
                self._unknown("quota_unread", code, error)
                return None
            except ValueError as error:
                self._reporter.happened("quota_unread", "", subject=code, error=str(error))
                return None
        return min(applied, default=None)

    def _described(self, model_id: str) -> FoundationModelDetailsTypeDef:
        """The details of the model, or else of the id before its last colon."""
        try:
            return self._bedrock.get_foundation_model(modelIdentifier=model_id)["modelDetails"]
        except ClientError as error:
            shorter = model_id.rpartition(":")[0]
            if code_of(error) not in _NO_SUCH_MODEL or not shorter:
                raise
        return self._bedrock.get_foundation_model(modelIdentifier=shorter)["modelDetails"]

    def _quota(self, code: str) -> int:
        """The applied value; the default one where none was ever applied.

        Raises:
            ValueError: it is no number of units.
        """
        try:
            quota = self._quotas.get_service_quota(ServiceCode=_SERVICE, QuotaCode=code)["Quota"]
        except ClientError as error:
            if code_of(error) != _NO_APPLIED_VALUE:
                raise
            quota = self._quotas.get_aws_default_service_quota(
                ServiceCode=_SERVICE, QuotaCode=code
            )["Quota"]
        value = quota.get("Value")
        if value is None or not 0 <= value < inf:
            raise ValueError(f"value {value} is no number of units")
        return int(value)

    def _unknown(self, event: str, subject: str, error: SdkError) -> None:
        self._reporter.happened(event, "", subject=subject, error=described(error))


def _base_variant(model_id: str) -> str:
    """The id that GetFoundationModel takes: `.../custom-model/<base>/<id>` stands for its base."""
    _, custom, tail = model_id.partition(":custom-model/")
    return tail.split("/")[0] if custom else model_id.rsplit("/", maxsplit=1)[-1]
