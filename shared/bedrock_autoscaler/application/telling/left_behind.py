"""What targets that are no longer in force left behind: nobody else looks at it any more."""

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import partial

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.fleets.places import Place
from bedrock_autoscaler.application.observing.sources import Sources
from bedrock_autoscaler.application.observing.surveying import GRACE
from bedrock_autoscaler.application.ports.bedrock import Inventory
from bedrock_autoscaler.application.ports.persons import Reporter
from bedrock_autoscaler.domain.fleet.intent import (
    HOLDING_STATES,
    PurchaseIntent,
    PurchaseState,
)


def report_left_behind(
    seen: Inventory | None,
    names: Collection[str],
    now: datetime,
    sources: Sources,
    *,
    place: Place | None = None,
) -> None:
    """Tell of throughputs in the account and of purchases in the ledger that nobody watches.

    Args:
        seen: what is in the account and Region; None where it could not be read.
        names: of all targets in force, wherever they are.
        now: the present moment.
        sources: the ledger, and who hears of it.
        place: that was looked at; None where there is but one.
    """
    _tell_orphans(seen, names, sources)
    kept = sources.keepsakes.neighbours
    try:
        for name in sources.fleets.account().targets:
            if name not in names:
                purchases = kept.get(name, now, partial(sources.fleets.purchases, name))
                here = [each for each in purchases if place is None or _may_be_in(each, place)]
                _tell_forgotten(here, seen, now, sources.reporter)
    except ObservationError as error:
        sources.reporter.alarm("unobserved", "", str(error))


def _tell_orphans(seen: Inventory | None, names: Collection[str], sources: Sources) -> None:
    """PTs with our tag of no target in force go on costing money unwatched."""
    for pt in seen.throughputs if seen is not None else ():
        if pt.deployment == sources.deployment and pt.target not in names:
            sources.reporter.alarm(
                "orphaned_pt",
                pt.target or "",
                f"{pt.arn} of {pt.model_units} units is tagged as ours, but its target "
                f"{pt.target!r} is not in force: nobody watches it",
            )


def _tell_forgotten(
    purchases: Iterable[PurchaseIntent],
    seen: Inventory | None,
    now: datetime,
    reporter: Reporter,
) -> None:
    """Purchases that hold units without an answer, or though their PTs are gone."""
    listed = {pt.arn for pt in seen.throughputs} if seen is not None and seen.complete else None
    for intent in purchases:
        if intent.state not in HOLDING_STATES or now - intent.recorded_at < GRACE:
            continue
        if intent.state is PurchaseState.RECORDED:
            name, what = "purchase_unresolved", "has no outcome"
        elif listed is not None and intent.arn not in listed:
            name, what = "pt_lost", f"brought {intent.arn}, which is gone"
        else:
            continue
        reporter.alarm(
            name,
            intent.target,
            f"purchase {intent.decision_id} of {intent.model_units} units {what}, and its target "
            f"{intent.target!r} is not in force: its units stay reserved until the target's "
            "document is back and they are looked up",
        )


def _may_be_in(purchase: PurchaseIntent, place: Place) -> bool:
    """Whether its PT is there; one without an ARN yet may be anywhere."""
    return purchase.arn is None or f":{place.region}:{place.account}:" in purchase.arn
