"""All of Bedrock's quotas of an account: applied values beside the defaults, kinds by code."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import TypeAdapter

from bedrock_autoscaler.domain.economics.quotas import (
    AccountQuota,
    Family,
    QuotaKind,
    QuotaMeasure,
    disagreement,
    kind_by_name,
)
from bedrock_autoscaler.sdk_errors import unread

if TYPE_CHECKING:
    from mypy_boto3_service_quotas import ServiceQuotasClient

SERVICE = "bedrock"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    code: str
    model_id: str
    family: Family
    measure: QuotaMeasure


@dataclass(frozen=True, slots=True, kw_only=True)
class _List:
    schema: int
    about: str
    source: str
    as_of: date
    quotas: tuple[_Entry, ...]


@cache
def on_demand_kinds() -> Mapping[str, QuotaKind]:
    """What the shipped list knows of on-demand quotas, by code."""
    text = (files("bedrock_autoscaler") / "data" / "quotas.json").read_text(encoding="utf-8")
    return {
        entry.code: QuotaKind(family=entry.family, measure=entry.measure, subject=entry.model_id)
        for entry in TypeAdapter(_List).validate_json(text).quotas
    }


def unit_kinds(
    quota_codes: Mapping[str, str | None], base_pool: str, custom_pool: str
) -> dict[str, QuotaKind]:
    """What the shipped list of models knows of model-unit quotas, by code."""
    pools = {base_pool: "base models", custom_pool: "custom models"}
    kinds = {
        code: QuotaKind(family=Family.UNIT_POOL, measure=QuotaMeasure.MODEL_UNITS, subject=subject)
        for code, subject in pools.items()
    }
    for model_id, code in quota_codes.items():
        if code is not None:
            kinds[code] = QuotaKind(
                family=Family.UNITS_OF_MODEL, measure=QuotaMeasure.MODEL_UNITS, subject=model_id
            )
    return kinds


def account_quotas(
    client: "ServiceQuotasClient", kinds: Mapping[str, QuotaKind]
) -> tuple[AccountQuota, ...]:
    """Every quota of Bedrock in the account and Region, by name.

    Raises:
        ObservationError: a list could not be read to its end; a part is no list.
    """
    try:
        applied = {quota["QuotaCode"]: quota for quota in _pages(client, "list_service_quotas")}
        defaults = {
            quota["QuotaCode"]: quota for quota in _pages(client, "list_aws_default_service_quotas")
        }
    except (BotoCoreError, ClientError) as error:
        raise unread("quotas", error) from error
    found = [
        _quota(code, applied.get(code), defaults.get(code), kinds)
        for code in applied.keys() | defaults.keys()
    ]
    return tuple(sorted(found, key=lambda quota: (quota.name, quota.code)))


def _pages(client: Any, operation: str) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - one name of many
    for page in client.get_paginator(operation).paginate(ServiceCode=SERVICE):
        yield from page["Quotas"]


def _quota(
    code: str,
    applied: Mapping[str, Any] | None,
    default: Mapping[str, Any] | None,
    kinds: Mapping[str, QuotaKind],
) -> AccountQuota:
    told = applied or default or {}
    name = str(told.get("QuotaName", "")).strip()
    known = kinds.get(code)
    doubt = disagreement(known, name) if known else ""
    return AccountQuota(
        code=code,
        name=name,
        applied=None if applied is None else float(applied["Value"]),
        default=None if default is None else float(default["Value"]),
        is_adjustable=bool(told.get("Adjustable", False)),
        kind=known or kind_by_name(name),
        is_known=known is not None and not doubt,
        doubt=doubt,
    )
