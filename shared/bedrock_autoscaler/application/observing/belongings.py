"""What a target has besides throughputs: endpoints, copies of imported models, a quota."""

from dataclasses import replace
from datetime import datetime, timedelta

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.observing.known import Known
from bedrock_autoscaler.application.observing.sources import Sources
from bedrock_autoscaler.application.ports.bedrock import (
    Inventory,
)
from bedrock_autoscaler.domain.economics.copies import WINDOW_MINUTES
from bedrock_autoscaler.domain.fleet.scalings import KEPT
from bedrock_autoscaler.domain.option import OptionKind
from bedrock_autoscaler.domain.routing.lawfulness import (
    usable_options,
)
from bedrock_autoscaler.domain.target import Commitment, Target
from bedrock_autoscaler.domain.traffic.observation import (
    CopiesSeen,
    EndpointState,
)


def endpoints_of(target: Target, sources: Sources, now: datetime) -> tuple[EndpointState, ...]:
    """Endpoints whose instances may be changed."""
    port = sources.endpoints
    if port is None:
        return ()
    found = []
    for option in usable_options(target):
        if option.instances is None:
            continue
        try:
            found.append(_recorded(port.state(option.address), target.name, sources, now))
        except ObservationError as error:
            sources.reporter.alarm("metrics_unread", target.name, str(error))
    return tuple(found)


def _recorded(state: EndpointState, target: str, sources: Sources, now: datetime) -> EndpointState:
    """An endpoint with what the ledger says of its changes."""
    if sources.scalings is None:
        return state
    record = sources.scalings.record_of(target, state.address)
    made = record.made_since(now - KEPT)
    return replace(state, changes_last_day=made, version=record.version)


def copies_of(known: Known, sources: Sources) -> tuple[CopiesSeen, ...]:
    """Copies of imported models in the newest hour."""
    end = known.read_to - timedelta(minutes=known.read_to.minute % WINDOW_MINUTES)
    found = []
    for option in usable_options(known.target):
        if option.kind is not OptionKind.IMPORTED_MODEL:
            continue
        try:
            windows = sources.metrics.copies(option.address, end - _HOUR, end)
        except ObservationError as error:
            sources.reporter.alarm("metrics_unread", known.target.name, str(error))
            continue
        found.append(CopiesSeen(address=option.address, by_window=windows))
    return tuple(found)


def units_used(inventory: Inventory | None, target: Target) -> int | None:
    """No-commitment units in the account that count against the quota; None when unknown.

    Base and custom models have pools of their own.
    """
    if inventory is None or not inventory.complete or target.provisioned is None:
        return None
    custom = _is_custom(target.provisioned.model_id)
    return sum(
        pt.model_units
        for pt in inventory.throughputs
        if pt.commitment is Commitment.NONE and _is_custom(pt.model_arn) is custom
    )


def _is_custom(model: str) -> bool:
    return ":custom-model/" in model


_HOUR = timedelta(hours=1)
