"""Other accounts and Regions of a stack, with a person's own credentials."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from bedrock_autoscaler.adapters.bedrock.capacity import BedrockCapacity
from bedrock_autoscaler.adapters.clients import Clients
from bedrock_autoscaler.adapters.observability import PowertoolsReporter
from bedrock_autoscaler.application.fleets.places import Place, owner_elsewhere
from bedrock_autoscaler.application.reviewing.inspecting import Spot, Spots
from bedrock_autoscaler.cli.output import CommandError

if TYPE_CHECKING:
    import boto3

    from bedrock_autoscaler.cli.stack import StackAccess


def spots_of(access: "StackAccess", profiles: Mapping[str, str]) -> Spots:
    """The way to other places: the same credentials in the stack's account, else a profile.

    The roles in the spokes trust the functions alone, never a person.

    Args:
        access: to the stack.
        profiles: of the SDK, by account.
    """

    def spot(there: Place) -> Spot | None:
        profile = profiles.get(there.account)
        if profile is None and there.account != access.home.account:
            return None
        return _spot(access, there, _session(profile, there) if profile else None)

    return spot


def _spot(access: "StackAccess", there: Place, session: "boto3.Session | None") -> Spot:
    clients, name = Clients(there.region, session), access.deployment
    return Spot(
        capacity=BedrockCapacity(
            clients.bedrock(),
            clients.service_quotas(),
            access.models.codes_of,
            PowertoolsReporter(name, "ERROR"),
        ),
        projection=access.tables_by(clients.ssm()),
        owner=owner_elsewhere(name, access.home),
    )


def _session(profile: str, there: Place) -> "boto3.Session":
    """The profile's session, once it is known to be of that account.

    Raises:
        CommandError: there is no such profile, or it is of another account.
    """
    import boto3  # noqa: PLC0415 - loading the SDK takes longer than --help

    try:
        session = boto3.Session(profile_name=profile)
        found = Clients(there.region, session).sts().get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"profile {profile!r} cannot be used: {error}") from error
    if found != there.account:
        raise CommandError(f"profile {profile!r} is of account {found}, not of {there.account}")
    return session
