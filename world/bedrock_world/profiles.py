"""Inference profiles: those AWS defines, and those of the account."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from bedrock_world.catalogue import FoundationModel, catalogue
from bedrock_world.clock import VirtualClock
from bedrock_world.errors import conflict, not_found, quota_exceeded, validation
from bedrock_world.idempotency import TokenMemory
from bedrock_world.models import Models
from bedrock_world.naming import Names
from bedrock_world.paging import BadTokenError, page
from bedrock_world.settings import Config
from bedrock_world.tagging import Tags, check_tags

_CREATE = "CreateInferenceProfile"
_SYSTEM_SINCE = datetime(2024, 8, 26, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A route for on-demand calls.

    Attributes:
        id: what it is called by; for an application profile the last segment of its ARN.
        source: prefix of the system-defined profile it is or copies; empty for one Region.
    """

    id: str
    arn: str
    name: str
    description: str
    kind: Literal["SYSTEM_DEFINED", "APPLICATION"]
    base: FoundationModel
    source: str
    model_arns: tuple[str, ...]
    created_at: datetime


class Profiles:
    """The inference profile operations."""

    def __init__(
        self,
        config: Config,
        clock: VirtualClock,
        *,
        models: Models,
        names: Names,
        tags: Tags,
        tokens: TokenMemory,
    ) -> None:
        self._config = config
        self._clock = clock
        self._models = models
        self._names = names
        self._tags = tags
        self._tokens = tokens
        self._own: dict[str, Profile] = {}
        tags.serve(lambda arn: arn in self._own)

    def create_inference_profile(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`CreateInferenceProfile`: an application profile, active at once."""
        now = self._clock.now()
        replay = self._tokens.replay(_CREATE, params, now)
        if replay is not None:
            return replay
        check_tags(params.get("tags", ()))
        base, source, model_arns = self._copied(params["modelSource"]["copyFrom"])
        self._check_room(params["inferenceProfileName"])
        identity = self._names.draw("application-inference-profile")
        profile = Profile(
            id=identity,
            arn=self._names.owned("application-inference-profile", identity),
            name=params["inferenceProfileName"],
            description=params.get("description", ""),
            kind="APPLICATION",
            base=base,
            source=source,
            model_arns=model_arns,
            created_at=now,
        )
        self._own[profile.arn] = profile
        if params.get("tags"):
            self._tags.put(profile.arn, params["tags"])
        answer = {"inferenceProfileArn": profile.arn, "status": "ACTIVE"}
        self._tokens.remember(_CREATE, params, answer, now)
        return answer

    def _copied(self, arn: str) -> tuple[FoundationModel, str, tuple[str, ...]]:
        if ":foundation-model/" in arn:
            model = self._models.callable_model(self._names.bare(arn))
            return model, "", (self._names.foundation_model(model.id),)
        profile = self.system_profile(arn)
        if profile is None:
            raise not_found(f"The inference profile {arn} was not found.")
        return profile.base, profile.source, profile.model_arns

    def _check_room(self, name: str) -> None:
        if any(profile.name == name for profile in self._own.values()):
            raise conflict(f"An inference profile with the name {name} already exists.")
        if len(self._own) >= self._config.current.max_application_profiles:
            raise quota_exceeded(f"The account has {len(self._own)} inference profiles already.")

    def get_inference_profile(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`GetInferenceProfile`, by id or ARN."""
        return _shown(self._find(params["inferenceProfileIdentifier"]))

    def list_inference_profiles(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`ListInferenceProfiles`: those of AWS first, then the account's in their order."""
        kind = params.get("typeEquals")
        system = ((f"system/{index:06}", p) for index, p in enumerate(self._system()))
        # Ranks compare as text, and "own" would come before "system".
        own = (
            (f"user/{profile.created_at:%Y%m%d%H%M%S}/{arn}", profile)
            for arn, profile in self._own.items()
        )
        ranked = [
            (rank, _shown(profile))
            for rank, profile in [*system, *sorted(own)]
            if kind in {None, profile.kind}
        ]
        size = params.get("maxResults", self._config.current.page_size)
        try:
            part = page(ranked, size, params.get("nextToken"), of="ListInferenceProfiles")
        except BadTokenError as error:
            raise validation("The provided next token is invalid.") from error
        token = {"nextToken": part.next_token} if part.next_token else {}
        return {"inferenceProfileSummaries": list(part.items), **token}

    def delete_inference_profile(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """`DeleteInferenceProfile`; AWS's own cannot be deleted."""
        profile = self._find(params["inferenceProfileIdentifier"])
        if profile.kind == "SYSTEM_DEFINED":
            raise validation("A system-defined inference profile cannot be deleted.")
        del self._own[profile.arn]
        return {}

    def _find(self, identifier: str) -> Profile:
        own = {profile.id: profile for profile in self._own.values()} | self._own
        profile = own.get(identifier) or self.system_profile(identifier)
        if profile is None:
            raise not_found(f"The inference profile {identifier} was not found.")
        return profile

    def application_profile(self, arn: str) -> Profile | None:
        """The account's profile with this ARN."""
        return self._own.get(arn)

    def system_profile(self, identifier: str) -> Profile | None:
        """AWS's profile with this id or ARN, when this Region has it."""
        matching = (p for p in self._system() if identifier in {p.id, p.arn})
        return next(matching, None)

    def _system(self) -> list[Profile]:
        region = self._config.current.region
        return [
            self._system_profile(model, prefix)
            for model in catalogue().models.values()
            for prefix in model.profiles
            if prefix == "global" or region in catalogue().profile_regions[prefix]
        ]

    def _system_profile(self, model: FoundationModel, prefix: str) -> Profile:
        identity = f"{prefix}.{model.id}"
        # AWS also names a Region-less ARN for `global`, which its own service model rejects.
        regions = catalogue().profile_regions[prefix] or (self._config.current.region,)
        shown_name = f"{model.provider} {model.name}".replace(".", "-")
        return Profile(
            id=identity,
            arn=self._names.owned("inference-profile", identity),
            name=f"{'GLOBAL' if prefix == 'global' else prefix.upper()} {shown_name}",
            description=f"Routes requests to {shown_name} in {' '.join(regions)}",
            kind="SYSTEM_DEFINED",
            base=model,
            source=prefix,
            model_arns=tuple(self._names.foundation_model(model.id, region) for region in regions),
            created_at=_SYSTEM_SINCE,
        )


def _shown(profile: Profile) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "inferenceProfileName": profile.name,
        "createdAt": profile.created_at,
        "updatedAt": profile.created_at,
        "inferenceProfileArn": profile.arn,
        "models": [{"modelArn": arn} for arn in profile.model_arns],
        "inferenceProfileId": profile.id,
        "status": "ACTIVE",
        "type": profile.kind,
    }
    if profile.description:
        shown["description"] = profile.description
    return shown
