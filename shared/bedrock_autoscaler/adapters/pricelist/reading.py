"""From products to quotes: each price right, or refused with the reason.

Nothing is guessed: not the unit from the size of the price, not the Region from the location, not
the model from a likeness of names. What a quote must survive beyond that:
`domain.economics.price_review`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal, InvalidOperation

from bedrock_autoscaler.adapters.pricelist.names import PricedModel, PriceNames
from bedrock_autoscaler.adapters.pricelist.offers import Dimension, Product
from bedrock_autoscaler.adapters.pricelist.usage_types import Scope, Usage, parse_usage
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.domain.economics.price_book import Measure, PriceKey, Quote, Standing
from bedrock_autoscaler.domain.economics.price_review import Reading, Refused
from bedrock_autoscaler.domain.units import without_exponent

_THOUSAND, _MILLION = 1_000, 1_000_000
_THOUSAND_WORDS = re.compile(
    r"(?<![0-9.,])(1k|1,000|1000)(?![0-9a-z,])|\bthousand\b", re.IGNORECASE
)
# Nothing may follow, or a term of "1month" would be a million tokens.
_MILLION_WORDS = re.compile(
    r"(?<![0-9.,])(1m|1,000,000|1000000)(?![0-9a-z,])|\bmillion\b", re.IGNORECASE
)
_HOUR_WORDS = re.compile(r"\b(hour|hours|hourly|hrs?)\b", re.IGNORECASE)
_UNDECLARED = frozenset({"", "units", "unit", "quantity", "tokens", "token"})


class _RefusalError(Exception):
    def __init__(self, reason: str, keys: tuple[PriceKey, ...] = ()) -> None:
        super().__init__(reason)
        self.keys = keys


def read_products(
    products: Iterable[Product],
    names: PriceNames,
    *,
    region: str,
    today: date,
    is_current: bool = True,
) -> Reading:
    """The quotes of one Region, and each product that had to be refused.

    Args:
        products: of any service code; those of other Regions are ignored.
        names: of models and Regions.
        region: whose prices are wanted.
        today: becomes the date of the quotes.
        is_current: whether the list is the one in force; of an older one the quotes are of the day
            of its publication.

    Raises:
        ObservationError: a list that may be old does not tell that day.
    """
    quotes: list[Quote] = []
    refused: list[Refused] = []
    ignored = 0
    for product in products:
        as_of = today if is_current else _published(product, today)
        usage_type = product.attributes.get("usagetype", "")
        usage = parse_usage(usage_type)
        if usage is None or _is_elsewhere(product, usage, names, region):
            ignored += 1
            continue
        try:
            found = _quotes(product, usage, names, region=region, today=today)
            quotes += [replace(quote, as_of=as_of) for quote in found]
        except _RefusalError as error:
            refused.append(
                Refused(sku=product.sku, usage_type=usage_type, reason=str(error), keys=error.keys)
            )
    return Reading(quotes=tuple(quotes), refused=tuple(refused), ignored=ignored)


def _published(product: Product, today: date) -> date:
    if product.published is None:
        raise ObservationError(
            f"offer file of {product.service_code}: it has no publicationDate, so that nobody can "
            "say how old its prices are"
        )
    return min(product.published, today)


def _is_elsewhere(product: Product, usage: Usage | str, names: PriceNames, region: str) -> bool:
    """Whether all that the product says of its Region names another one."""
    said = {product.attributes.get("regionCode", "")}
    if isinstance(usage, Usage):
        said |= {names.regions.get(usage.prefix, ""), names.regions.get(usage.again, "")}
    said.discard("")
    return bool(said) and region not in said


def _quotes(
    product: Product, usage: Usage | str, names: PriceNames, *, region: str, today: date
) -> Iterator[Quote]:
    if isinstance(usage, str):
        raise _RefusalError(usage)
    _check_region(product, usage, names, region)
    model = _model(product, usage, names)
    keys = tuple(_keys(usage, model, region))
    if not keys:
        raise _RefusalError(f"no purchase id of {model.model_id} is known")
    if model.ended is not None and today > model.ended:
        raise _RefusalError(f"{model.model_id} ended on {model.ended.isoformat()}", keys)
    if usage.measure is Measure.UNIT_HOUR and len(keys) > 1:
        ids = ", ".join(key.address for key in keys)
        raise _RefusalError(f"it does not say which context length it is for: {ids}", keys)
    try:
        usd = _usd(_dimension(product, today), usage)
    except ValueError as error:
        raise _RefusalError(str(error), keys) from error
    published = f", published {product.published.isoformat()}" if product.published else ""
    source = f"AWS Price List {product.service_code}, SKU {product.sku}{published}"
    for key in keys:
        yield Quote(key=key, usd=usd, source=source, as_of=today, standing=Standing.LISTED)


def _check_region(product: Product, usage: Usage, names: PriceNames, region: str) -> None:
    code = product.attributes.get("regionCode", "")
    by_prefix = {names.regions.get(usage.prefix, ""), names.regions.get(usage.again, "")}
    if not code:
        raise _RefusalError("it names no Region")
    if by_prefix != {region} or code != region:
        told = ", ".join(sorted(by_prefix - {""})) or "none that is known"
        raise _RefusalError(f"its Region is {code}, but its usage type says {told}")


def _model(product: Product, usage: Usage, names: PriceNames) -> PricedModel:
    name = usage.model or product.attributes.get("servicename", "")
    model = names.models.get(name)
    if model is None:
        raise _RefusalError(f"no model id is known for {name!r}")
    return model


def _keys(usage: Usage, model: PricedModel, region: str) -> Iterator[PriceKey]:
    """The addresses that one SKU prices.

    A geographic profile costs what its source Region does. Source: Bedrock User Guide,
    cross-region inference, read 2026-11-21.
    """
    if usage.measure is Measure.UNIT_HOUR:
        addresses = model.unit_ids
    elif usage.scope is Scope.CUSTOM:
        addresses = (f"custom:{model.model_id}",)
    elif usage.scope is Scope.GLOBAL:
        addresses = (f"global.{model.model_id}",)
    else:
        profiles = (f"{geography}.{model.model_id}" for geography in _geographies(region))
        addresses = (model.model_id, *profiles)
    for address in addresses:
        yield PriceKey(
            address=address, region=region, measure=usage.measure, commitment=usage.commitment
        )


def _geographies(region: str) -> tuple[str, ...]:
    """Prefixes of the geographic profiles that may be called from a Region."""
    if region.startswith("us-gov-"):
        return ("us-gov",)
    if region.startswith("ap-"):
        own = {"ap-northeast-1": "jp", "ap-northeast-3": "jp"}
        own |= {"ap-southeast-2": "au", "ap-southeast-4": "au"}
        return ("apac", own[region]) if region in own else ("apac",)
    return (region.split("-", maxsplit=1)[0],)


def _dimension(product: Product, today: date) -> Dimension:
    """The one price in force.

    Raises:
        ValueError: there is none, or more than one.
    """
    in_force = [d for d in product.dimensions if d.effective[:10] <= today.isoformat()]
    if not in_force:
        raise ValueError("it has no price that is in force")
    if len({(d.unit, d.usd, d.begin) for d in in_force}) > 1:
        raise ValueError("it has several prices at once, by quantity or by date")
    if in_force[0].begin != "0":
        raise ValueError(f"its price begins at a quantity of {in_force[0].begin}")
    return in_force[0]


def _usd(dimension: Dimension, usage: Usage) -> Decimal:
    """USD for 1,000 tokens, or for a unit-hour.

    Raises:
        ValueError: the price or its unit is not certain.
    """
    if dimension.usd is None:
        raise ValueError("it has no price in USD")
    try:
        usd = Decimal(dimension.usd)
    except InvalidOperation as error:
        raise ValueError(f"{dimension.usd!r} is not a number") from error
    if not (usd.is_finite() and usd > 0):
        raise ValueError(f"{usd} USD is no price")
    if usage.measure is Measure.UNIT_HOUR:
        _check_hours(dimension)
        return without_exponent(usd)
    return without_exponent(usd * _THOUSAND / _tokens(dimension, usage))


def _check_hours(dimension: Dimension) -> None:
    texts = (dimension.unit, dimension.description)
    if any(_THOUSAND_WORDS.search(text) or _MILLION_WORDS.search(text) for text in texts):
        raise ValueError("a model unit is priced by tokens")
    declared = dimension.unit.strip().lower()
    if _HOUR_WORDS.search(declared):
        return
    if declared not in _UNDECLARED or not _HOUR_WORDS.search(dimension.description):
        raise ValueError(f"its unit {dimension.unit!r} is not an hour")


def _tokens(dimension: Dimension, usage: Usage) -> int:
    """How many tokens the price is for: all that says so must agree."""
    if _HOUR_WORDS.search(dimension.unit):
        raise ValueError("tokens are priced by the hour")
    told = {_count(dimension.unit), _count(dimension.description), usage.per} - {None}
    if not told:
        raise ValueError(f"its unit {dimension.unit!r} does not say for how many tokens it is")
    if _count(dimension.unit) is None and dimension.unit.strip().lower() not in _UNDECLARED:
        raise ValueError(f"its unit {dimension.unit!r} is not known")
    if len(told) > 1:
        raise ValueError("it says both a thousand and a million tokens")
    (count,) = told
    return count or _THOUSAND


def _count(text: str) -> int | None:
    """Tokens that a text speaks of; a text that speaks of both is no witness."""
    thousand, million = _THOUSAND_WORDS.search(text), _MILLION_WORDS.search(text)
    if thousand and million:
        raise ValueError(f"{text!r} speaks of a thousand and of a million")
    if thousand:
        return _THOUSAND
    return _MILLION if million else None
