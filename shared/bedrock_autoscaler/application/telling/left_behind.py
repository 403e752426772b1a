"""What targets that are no longer in force left behind: nobody else looks at it any more."""

from collections.abc import Collection
from datetime import datetime
from functools import partial

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.fleets.places import Place
from bedrock_autoscaler.application.observing.sources import Sources
from bedrock_autoscaler.application.observing.surveying import GRACE
from bedrock_autoscaler.application.ports.bedrock import Inventory
from bedrock_autoscaler.domain.fleet.intent import HOLDING_STATES, PurchaseIntent
from bedrock_autoscaler.domain.units import units_text


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
        place: that was looked at; None where no target is in force to tell.
    """
    _tell_orphans(seen, names, sources)
    kept = sources.keepsakes.neighbours
    try:
        known = sources.fleets.account().targets
    except ObservationError as error:
        sources.reporter.alarm("unobserved", "", str(error))
        return
    for name in known:
        if name in names:
            continue
        try:
            for purchase in kept.get(name, now, partial(sources.fleets.purchases, name)):
                _tell_forgotten(purchase, seen, now, sources, place=place)
        except ObservationError as error:
            sources.reporter.alarm("unobserved", name, str(error))


def _tell_orphans(seen: Inventory | None, names: Collection[str], sources: Sources) -> None:
    """PTs with our tag of no target in force go on costing money unwatched."""
    for pt in seen.throughputs if seen is not None else ():
        if pt.deployment == sources.deployment and pt.target not in names:
            sources.reporter.alarm(
                "orphaned_pt",
                pt.target or "",
                f"{pt.arn} of {units_text(pt.model_units)} is tagged as ours, but its target "
                f"{pt.target!r} is not in force: nobody watches it",
            )


def _tell_forgotten(
    purchase: PurchaseIntent,
    seen: Inventory | None,
    now: datetime,
    sources: Sources,
    *,
    place: Place | None,
) -> None:
    """A purchase that holds units without an answer, where nobody lists them, or for nothing."""
    if purchase.state not in HOLDING_STATES or now - purchase.recorded_at < GRACE:
        return
    told = _forgotten(purchase, seen, sources.deployment, place)
    if told is None:
        return
    name, what = told
    sources.reporter.alarm(
        name,
        purchase.target,
        f"purchase {purchase.decision_id} of {units_text(purchase.model_units)} {what}, and its "
        f"target {purchase.target!r} is not in force: its units stay reserved until the target's "
        "document is back and they are looked up",
    )


def _forgotten(
    purchase: PurchaseIntent, seen: Inventory | None, deployment: str, place: Place | None
) -> tuple[str, str] | None:
    """The alarm, and what it says of the purchase; None where there is nothing more to tell."""
    if purchase.arn is None:
        return "purchase_unresolved", "has no outcome"
    if place is not None and Place.of_arn(purchase.arn) != place:
        # Where no target is in force nobody lists; where one is, this is told once more.
        return "orphaned_pt", f"brought {purchase.arn}, as the ledger has it"
    if seen is None or not seen.complete:
        return None
    listed = next((pt for pt in seen.throughputs if pt.arn == purchase.arn), None)
    if listed is None:
        return "pt_lost", f"brought {purchase.arn}, which is gone"
    if listed.deployment != deployment:
        return "orphaned_pt", f"brought {purchase.arn}, which lost our tag"
    return None  # told by its tag
