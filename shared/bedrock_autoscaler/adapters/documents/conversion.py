"""From validated documents to domain values; `list` prices are looked up here."""

from dataclasses import replace
from typing import Protocol

from bedrock_autoscaler.adapters.documents.document import (
    BacktestDocument,
    Document,
    ProvisionedDocument,
    TargetDocument,
)
from bedrock_autoscaler.adapters.documents.options import OptionDocument
from bedrock_autoscaler.adapters.documents.price_factors import factor_of
from bedrock_autoscaler.adapters.documents.values import (
    QuotaDocument,
    TokenPriceDocument,
    UnitPriceDocument,
    UnitRateDocument,
    money,
)
from bedrock_autoscaler.application.settings.in_force import settings_version
from bedrock_autoscaler.domain.consents.consent import AdvanceConsent
from bedrock_autoscaler.domain.routing.addresses import bare_id
from bedrock_autoscaler.domain.target import (
    Commitment,
    InferenceOption,
    Modality,
    Mode,
    OptionKind,
    ProvisionedOption,
    Quota,
    RateCombination,
    RateSource,
    Target,
    TokenPrice,
    UnitPrice,
    UnitRate,
)
from bedrock_autoscaler.domain.thresholds import Thresholds

_UNLIMITED = Quota(
    tokens_per_minute=None, requests_per_minute=None, output_burndown=1.0, source="operator"
)


class Prices(Protocol):
    """A price list; what it does not know it answers with None, never with a guess."""

    def token_price(self, address: str, region: str) -> TokenPrice | None:
        """The on-demand price of a model or profile called from a Region."""

    def unit_price(self, model_id: str, region: str) -> UnitPrice | None:
        """The price of a model unit of a model in a Region."""

    def doubt_about(self, address: str, region: str) -> str:
        """Why a listed price must not be used; empty when none is in doubt."""


def target_of(
    name: str, document: TargetDocument, prices: Prices, *, decision_minutes: int
) -> Target:
    """The target that a valid document stands for, with the hash of all it says."""
    target = Target(
        name=name,
        account=document.account,
        region=document.region,
        modality=Modality(document.modality),
        model_ids=_model_ids(document),
        uses_mantle=document.uses_mantle,
        mode=Mode(document.mode),
        provisioned=(
            _provisioned(document.provisioned, prices, document.region)
            if document.provisioned is not None
            else None
        ),
        options=tuple(_option(option, prices, document) for option in document.options),
        slo=document.slo.to_domain(),
        guard_rails=document.guard_rails.to_domain(),
        thresholds=thresholds_of(document, decision_minutes=decision_minutes),
        settings_version="",
        controls=document.controls.to_domain(),
        residency=document.residency.to_domain(),
    )
    return replace(target, settings_version=settings_version(target))


def thresholds_of(document: Document, *, decision_minutes: int) -> Thresholds:
    """The thresholds of a document, with the period of the capacity loop."""
    return Thresholds(
        observing=document.observing.to_domain(),
        classifying=document.classifying.to_domain(),
        sizing=document.sizing.to_domain(decision_minutes),
        gating=document.gating.to_domain(),
        draining=document.draining.to_domain(),
        routing=document.routing.to_domain(),
    )


def consents_of(document: BacktestDocument) -> tuple[AdvanceConsent, ...]:
    """The consents of a backtest in the order of the document."""
    return tuple(
        AdvanceConsent(
            units=consent.units,
            term=Commitment(consent.term),
            max_usd_per_hour=money(consent.max_usd_per_hour),
            valid_from=consent.valid_from,
            valid_until=consent.valid_until,
        )
        for consent in document.consents
    )


def _model_ids(document: TargetDocument) -> tuple[str, ...]:
    """The stated ModelIds and those of the options, since traffic is seen where it is sent."""
    found = {bare_id(model_id): model_id for model_id in document.model_ids}
    for option in document.options:
        if option.kind != "batch" and option.region in {None, document.region}:
            series = option.unpriced().series
            found.setdefault(bare_id(series), series)
    return tuple(found.values())


def _option(option: OptionDocument, prices: Prices, document: TargetDocument) -> InferenceOption:
    price = (
        _list_price(option, prices, document)
        if option.price == "list"
        else _token_price(option.price)
    )
    doubt = prices.doubt_about(option.address, option.region or document.region)
    return replace(
        option.unpriced(),
        price=price,
        quota=_quota(option.quota),
        price_doubt=doubt if price is None else "",
    )


def _list_price(
    option: OptionDocument, prices: Prices, document: TargetDocument
) -> TokenPrice | None:
    """The listed price times the factor of what is asked for; None unless both are known.

    It is as old as the listed price: no list has factors, so that nothing could renew their day.
    """
    plain, region = option.unpriced(), option.region or document.region
    if not plain.is_billed_by_token:
        return None
    address, bought = option.address, document.provisioned
    if plain.kind is OptionKind.CUSTOM_DEPLOYMENT and bought is not None:
        # The address tells no model; that of the one that may be bought names its base.
        base = bought.model_id.partition(":custom-model/")[2].split("/")[0]
        address = f"custom:{':'.join(base.split(':')[:2])}"
    price, factor = prices.token_price(address, region), factor_of(plain)
    if price is None or factor is None or factor.times == 1:
        return price if factor is not None else None
    return TokenPrice(
        input_usd_per_1k=price.input_usd_per_1k * factor.times,
        output_usd_per_1k=price.output_usd_per_1k * factor.times,
        source=f"{price.source}; times {factor.times} as of {factor.as_of}: {factor.source}",
        as_of=price.as_of,
    )


def _quota(quota: str | QuotaDocument | None) -> Quota | None:
    if isinstance(quota, QuotaDocument):
        return Quota(**dict(quota))
    return None if quota is None else _UNLIMITED


def _provisioned(
    provisioned: ProvisionedDocument, prices: Prices, region: str
) -> ProvisionedOption:
    price = (
        prices.unit_price(provisioned.model_id, region)
        if provisioned.price == "list"
        else _unit_price(provisioned.price)
    )
    doubt = prices.doubt_about(provisioned.model_id, region)
    return ProvisionedOption(
        model_id=provisioned.model_id,
        unit_rate=None if provisioned.unit_rate is None else _unit_rate(provisioned.unit_rate),
        unit_rate_from=RateSource(provisioned.unit_rate_from),
        attempts_per_call=provisioned.attempts_per_call,
        price=price,
        use_unmanaged=provisioned.use_unmanaged,
        price_doubt=doubt if price is None else "",
    )


def _unit_rate(rate: UnitRateDocument) -> UnitRate:
    return UnitRate(
        input_tokens_per_minute=rate.input_tokens_per_minute,
        output_tokens_per_minute=rate.output_tokens_per_minute,
        combination=RateCombination(rate.combination),
        source=rate.source,
    )


def _token_price(price: TokenPriceDocument) -> TokenPrice:
    return TokenPrice(
        input_usd_per_1k=money(price.input_usd_per_1k),
        output_usd_per_1k=money(price.output_usd_per_1k),
        source=price.source,
        as_of=price.as_of,
    )


def _unit_price(price: UnitPriceDocument) -> UnitPrice:
    month, half_year = price.one_month_usd_per_hour, price.six_months_usd_per_hour
    return UnitPrice(
        usd_per_hour=money(price.usd_per_hour),
        one_month_usd_per_hour=None if month is None else money(month),
        six_months_usd_per_hour=None if half_year is None else money(half_year),
        source=price.source,
        as_of=price.as_of,
    )
