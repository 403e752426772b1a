"""Models and Regions that are known, to tell a slip of the pen from what is merely new."""

from collections.abc import Iterable
from difflib import get_close_matches

from bedrock_autoscaler.adapters.models import ModelList
from bedrock_autoscaler.adapters.pricelist import load_price_names
from bedrock_autoscaler.cli.output import CommandError
from bedrock_autoscaler.domain.economics.price_book import PriceBook, listed_id
from bedrock_autoscaler.domain.routing.addresses import model_of

_LIKENESS = 0.7
_MOST_HINTS = 2


def near(name: str, names: Iterable[str]) -> str:
    """The names that are spelled most alike, as a choice; empty where none is."""
    return " or ".join(get_close_matches(name, set(names), n=_MOST_HINTS, cutoff=_LIKENESS))


def model_doubt(address: str, book: PriceBook, models: ModelList) -> str:
    """What speaks against an address: no list has its model. Empty where nothing does.

    A model may be newer than the lists, so that this is a word to a person and no refusal.

    Args:
        address: a model or profile; one that does not tell its model is not doubted.
        book: the prices that are known, or doubted.
        models: those that can be bought.
    """
    priced = {key.address for key in (*(quote.key for quote in book.quotes), *book.doubts)}
    named = {model.model_id for model in load_price_names().models.values()}
    ids = {*priced, *named, *models.quota_codes}
    if model_of(address) is None or model_of(listed_id(address)) in map(model_of, ids):
        return ""
    meant = near(address, ids)
    hint = f"did you mean {meant}?" if meant else "is it spelled as Bedrock has it?"
    return f"{address}: neither the price list nor the list of models has it; {hint}"


def refuse_no_region(region: str, book: PriceBook) -> None:
    """Refuse what neither the SDK nor the price list knows as a Region.

    Raises:
        CommandError: it is none.
    """
    from boto3 import Session  # noqa: PLC0415 - loading the SDK takes longer than --help

    session = Session()
    known = {quote.key.region for quote in book.quotes}
    for partition in session.get_available_partitions():
        known |= set(session.get_available_regions("bedrock", partition_name=partition))
    if region not in known:
        meant = near(region, known)
        hint = f"; did you mean {meant}?" if meant else ""
        raise CommandError(f"--region {region}: AWS has no such Region for Bedrock{hint}")
