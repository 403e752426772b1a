"""What carries Bedrock traffic in the account and Region, and whose it is."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta

import numpy as np
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bedrock_autoscaler.application.ports.bedrock import Inventory
from bedrock_autoscaler.application.ports.ledger import Fleets
from bedrock_autoscaler.cli.stack import StackAccess
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent
from bedrock_autoscaler.domain.routing.addresses import (
    bare_id,
    geography_of,
    is_application_profile,
    produces_no_tokens,
)
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.units import floor_minute, units_text
from bedrock_autoscaler.sdk_errors import unread

_RECENT = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """Something that calls can be sent to.

    Attributes:
        kind: a kind of option, `provisioned`, or `image or video`.
        of: the models behind a profile, or the model of a throughput; empty where it is one.
        calls_last_hour: None where CloudWatch lists no series of it.
        target: whose traffic it is; empty while it is nobody's.
        note: units, commitment and owner of a throughput.
    """

    address: str
    kind: str
    of: str
    calls_last_hour: float | None
    target: str
    note: str = ""


def discovered(access: StackAccess, *, every: bool) -> list[Discovered]:
    """All of it, the busiest first.

    Args:
        access: the stack.
        every: those profiles of AWS too that have no series.

    Raises:
        ObservationError: a list could not be read.
    """
    inventory = access.inspection().capacity.inventory()
    listed = access.metrics.model_ids()
    calls = _calls(access, sorted(listed))
    profiles = dict(_profiles(access))
    owners = _owners(access.settings().targets, inventory)
    former = _former(access.fleets)
    found = list(_throughputs(inventory, calls, owners))
    known = {bare_id(one.address) for one in found}
    seen = {bare_id(model_id): count for model_id, count in calls.items()}
    for address in sorted({*listed, *profiles}):
        bare = bare_id(address)
        if bare in known or (bare not in seen and not _is_own(address) and not every):
            continue
        known.add(bare)
        gone = former.get(bare)
        found.append(
            Discovered(
                address=address if is_application_profile(address) else bare,
                kind="provisioned" if gone else _kind(address),
                of=bare_id(gone.model_id)
                if gone
                else profiles.get(address, profiles.get(bare, "")),
                calls_last_hour=seen.get(bare),
                target=gone.target if gone else owners.get(bare, ""),
                note=_past(gone) if gone else "",
            )
        )
    return sorted(found, key=lambda one: (-(one.calls_last_hour or 0.0), one.address))


def to_documents(found: Sequence[Discovered]) -> list[dict[str, object]]:
    """As JSON values."""
    return [asdict(one) for one in found]


def print_discovered(found: Sequence[Discovered]) -> None:
    """A table, and the command that puts the busiest unmanaged one under management."""
    console = Console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("address", overflow="fold")
    table.add_column("kind", no_wrap=True)
    table.add_column("calls, last hour", justify="right")
    table.add_column("target", no_wrap=True)
    table.add_column("", overflow="fold")
    for one in found:
        calls = "" if one.calls_last_hour is None else f"{one.calls_last_hour:,.0f}"
        table.add_row(Text(one.address), one.kind, calls, one.target or "-", one.note or one.of)
    if found:
        console.print(table)
    free = [one for one in found if not one.target and one.kind in _MANAGEABLE]
    if free:
        console.print(
            f"\nnext: bedrock-autoscaler targets add NAME --address {free[0].address}",
            soft_wrap=True,
        )
    elif not found:
        console.print(
            "nothing: CloudWatch lists no ModelId of AWS/Bedrock with a point in two weeks, and "
            "there is no provisioned throughput; a new series takes up to 15 minutes to be listed",
            soft_wrap=True,
        )


_MANAGEABLE = ("on_demand", "geographic_profile", "global_profile")


def _calls(access: StackAccess, model_ids: Sequence[str]) -> dict[str, float]:
    """Calls of the last hour by `ModelId`; a minute without a point counts as none."""
    if not model_ids:
        return {}
    end = floor_minute(access.clock.now())
    reading = access.metrics.read(model_ids, end - _RECENT, end)
    return {
        model_id: float(np.nansum(traffic.invocations) + np.nansum(traffic.throttles))
        for model_id, traffic in reading.traffic.items()
    }


def _profiles(access: StackAccess) -> Iterator[tuple[str, str]]:
    """Each profile's address (application profiles by ARN) and the models behind it."""
    pages = access.bedrock.get_paginator("list_inference_profiles")
    try:
        for kind in ("SYSTEM_DEFINED", "APPLICATION"):
            for page in pages.paginate(typeEquals=kind):
                for profile in page["inferenceProfileSummaries"]:
                    models = {bare_id(model.get("modelArn", "")) for model in profile["models"]}
                    own = kind == "APPLICATION"
                    address = profile["inferenceProfileArn" if own else "inferenceProfileId"]
                    yield address, ", ".join(sorted(models))
    except (BotoCoreError, ClientError) as error:
        raise unread("the inference profiles", error) from error


def _owners(targets: Sequence[Target], inventory: Inventory) -> dict[str, str]:
    """Whose traffic each bare id carries."""
    owners = {bare_id(model_id): target.name for target in targets for model_id in target.model_ids}
    return owners | {bare_id(pt.arn): pt.target for pt in inventory.throughputs if pt.target}


def _former(fleets: Fleets) -> dict[str, PurchaseIntent]:
    """Throughputs that the ledger ever knew; CloudWatch lists them two weeks beyond their end."""
    return {
        bare_id(intent.arn): intent
        for name in fleets.account().targets
        for intent in fleets.purchases(name)
        if intent.arn is not None
    }


def _past(gone: PurchaseIntent) -> str:
    """What a throughput was that is in no list any more."""
    end = f" on {gone.ended_at:%Y-%m-%d}" if gone.ended_at else ""
    state = gone.state.value.replace("_", " ")
    return f"was {units_text(gone.model_units)} of {bare_id(gone.model_id)}, {state}{end}; gone"


def _throughputs(
    inventory: Inventory, calls: dict[str, float], owners: dict[str, str]
) -> Iterator[Discovered]:
    by_bare = {bare_id(model_id): count for model_id, count in calls.items()}
    for pt in inventory.throughputs:
        units = units_text(pt.model_units)
        term = "" if pt.committed_until is None else f", committed to {pt.committed_until:%Y-%m-%d}"
        owner = f", of deployment {pt.deployment}" if pt.deployment else ", not of any deployment"
        yield Discovered(
            address=pt.arn,
            kind="provisioned",
            of=bare_id(pt.model_arn),
            calls_last_hour=by_bare.get(bare_id(pt.arn)),
            target=owners.get(bare_id(pt.arn), ""),
            note=f"{units} of {bare_id(pt.model_arn)}{term}{owner}",
        )


def _is_own(address: str) -> bool:
    """Whether the account made it, so that it is worth a line without any call."""
    return is_application_profile(address)


def _kind(address: str) -> str:
    if ":provisioned-model/" in address:
        return "provisioned"
    if produces_no_tokens(address):
        return "image or video"
    if is_application_profile(address):
        return "application_profile"
    geography = geography_of(address)
    if geography is None:
        return "on_demand"
    return "global_profile" if geography == "global" else "geographic_profile"
