"""Service Quotas for the service code `bedrock`."""

from collections.abc import Mapping
from typing import Any

from bedrock_world.catalogue import Quota, catalogue
from bedrock_world.errors import BedrockError
from bedrock_world.paging import BadTokenError, page
from bedrock_world.settings import Config

SERVICE_CODE = "bedrock"


class Quotas:
    """Applied and default values; a quota has an applied value only where the settings give one."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def value(self, quota: Quota) -> float:
        """The value in force."""
        return self._config.current.applied_quotas.get(quota.code, quota.default)

    def get_service_quota(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`GetServiceQuota`: the applied value, or an error where only a default exists."""
        quota = self._known(params)
        applied = self._config.current.applied_quotas.get(quota.code)
        if applied is None:
            raise BedrockError(
                "NoSuchResourceException",
                f"No applied value exists for quota {quota.code}; read its default.",
            )
        return {"Quota": self._shown(quota, applied)}

    def get_aws_default_service_quota(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`GetAWSDefaultServiceQuota`."""
        quota = self._known(params)
        return {"Quota": self._shown(quota, quota.default)}

    def list_service_quotas(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`ListServiceQuotas`: applied values only."""
        applied = self._config.current.applied_quotas
        wanted = params.get("QuotaCode")
        quotas = catalogue().quotas()
        values = {code: applied[code] for code in quotas if code in applied}
        if wanted is not None:
            values = {code: value for code, value in values.items() if code == wanted}
        return self._listed(params, values, of="ListServiceQuotas")

    def list_aws_default_service_quotas(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`ListAWSDefaultServiceQuotas`."""
        return self._listed(
            params,
            {code: quota.default for code, quota in catalogue().quotas().items()},
            of="ListAWSDefaultServiceQuotas",
        )

    def _listed(
        self, params: Mapping[str, Any], values: Mapping[str, float], *, of: str
    ) -> dict[str, Any]:
        self._check_service(params)
        quotas = catalogue().quotas()
        ranked = [(code, self._shown(quotas[code], value)) for code, value in values.items()]
        size = params.get("MaxResults", 100)
        try:
            part = page(ranked, size, params.get("NextToken"), of=of)
        except BadTokenError as error:
            raise BedrockError(
                "InvalidPaginationTokenException", "The provided token is invalid."
            ) from error
        token = {"NextToken": part.next_token} if part.next_token else {}
        return {"Quotas": list(part.items), **token}

    def _check_service(self, params: Mapping[str, Any]) -> None:
        if params["ServiceCode"] != SERVICE_CODE:
            raise BedrockError(
                "NoSuchResourceException",
                f"The Bedrock world has no quotas of the service {params['ServiceCode']}.",
            )

    def _known(self, params: Mapping[str, Any]) -> Quota:
        self._check_service(params)
        quota = catalogue().quotas().get(params["QuotaCode"])
        if quota is None:
            raise BedrockError(
                "NoSuchResourceException", f"The quota {params['QuotaCode']} does not exist."
            )
        return quota

    def _shown(self, quota: Quota, value: float) -> dict[str, Any]:
        settings = self._config.current
        return {
            "ServiceCode": SERVICE_CODE,
            "ServiceName": "Amazon Bedrock",
            "QuotaArn": (
                f"arn:aws:servicequotas:{settings.region}:{settings.account_id}:"
                f"{SERVICE_CODE}/{quota.code}"
            ),
            "QuotaCode": quota.code,
            "QuotaName": quota.name,
            "Value": float(value),
            "Unit": "None",
            "Adjustable": quota.adjustable,
            "GlobalQuota": False,
            "QuotaAppliedAtLevel": "ACCOUNT",
        }
