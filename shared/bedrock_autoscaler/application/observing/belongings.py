"""What a target has besides throughputs: endpoints, copies of imported models, quotas."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.observing.known import Known
from bedrock_autoscaler.application.observing.sources import Sources
from bedrock_autoscaler.application.ports.bedrock import (
    Capacity,
    Inventory,
)
from bedrock_autoscaler.application.purchasing.identifying import is_same_model
from bedrock_autoscaler.domain.consents.consent import RecordedConsent
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
    TermFacts,
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


def term_facts(
    target: Target,
    consents: Iterable[RecordedConsent],
    capacity: Capacity,
    inventory: Inventory | None,
) -> TermFacts | None:
    """What must be known before a term is bought; looked up while a consent to one waits."""
    terms = [one.term for one in consents if one.term is not Commitment.NONE]
    if target.provisioned is None or not terms:
        return None
    model_id = target.provisioned.model_id
    return TermFacts(
        model_end=capacity.end_of_life(model_id),
        unit_quota=capacity.model_unit_quota(model_id, terms[0]),
        units_used=_units_of_model(inventory, model_id),
    )


def _units_of_model(inventory: Inventory | None, model_id: str) -> int | None:
    """Units of the model in the account under any commitment; None when unknown.

    Those of custom models count with their base's, whose quota binds them too.
    """
    if inventory is None or not inventory.complete:
        return None
    wanted = _base_of(model_id)
    return sum(
        pt.model_units
        for pt in inventory.throughputs
        if is_same_model(_base_of(pt.model_arn), wanted)
    )


def _base_of(model: str) -> str:
    """The foundation model of an id or an ARN: `.../custom-model/<base>/<id>` is of its base."""
    _, custom, tail = model.partition(":custom-model/")
    return tail.split("/")[0] if custom else model.rsplit("/", maxsplit=1)[-1]


def _is_custom(model: str) -> bool:
    return ":custom-model/" in model


_HOUR = timedelta(hours=1)
