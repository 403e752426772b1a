"""Parameter Store as a person changes settings: versions, who wrote them, and careful writes.

What Parameter Store guarantees: one PutParameter replaces a document whole, each write gets the
next version number, and creating without `Overwrite` fails where the parameter exists. What it
does not: a write on the condition that a version is still the newest. So a write here looks at
the version just before it, and reads off the answer's version whether another write slipped in
between; that one is then put back, since whoever wrote it did not see ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from bedrock_autoscaler.application.errors import (
    ConfigurationError,
    ObservationError,
    SettingsMovedError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.domain.units import as_utc
from bedrock_autoscaler.sdk_errors import code_of

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

STANDARD_BYTES, ADVANCED_BYTES = 4_096, 8_192
"""Sizes of the two tiers. Source: the API reference of PutParameter."""
_MAX_WHY = 1_024
_NO_REASON = "changed by bedrock-autoscaler; no reason given"
_SHARED = frozenset({"defaults", "stack"})
_NOT_FOUND = "ParameterNotFound"
_EXISTS = "ParameterAlreadyExists"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVersion:
    """One version of a document.

    Attributes:
        by: the IAM principal that wrote it, as Parameter Store tells it.
        why: the description given with the write; empty without.
        tier: `Standard` or `Advanced`.
        kind: `String`; the functions read no other kind.
    """

    version: int
    text: str
    at: datetime
    by: str
    why: str
    tier: str
    kind: str


class StoredSettings:
    """The settings documents of one prefix, by name: `defaults`, `stack`, or a target's."""

    def __init__(self, client: SSMClient, prefix: str) -> None:
        self._client = client
        self._path = f"{prefix}/settings"
        self._switch = f"{prefix}/switch"

    def parameter(self, name: str) -> str:
        """The parameter of a document."""
        return f"{self._path}/{name}" if name in _SHARED else f"{self._path}/targets/{name}"

    def versions(self, name: str) -> tuple[StoredVersion, ...]:
        """The versions that Parameter Store still keeps (100 at most), oldest first.

        Raises:
            ObservationError: they could not be read.
        """
        return self._versions(self.parameter(name))

    def switch_versions(self) -> tuple[StoredVersion, ...]:
        """What the kill switch said, likewise.

        Raises:
            ObservationError: it could not be read.
        """
        return self._versions(self._switch)

    def _versions(self, parameter: str) -> tuple[StoredVersion, ...]:
        try:
            pages = self._client.get_paginator("get_parameter_history").paginate(Name=parameter)
            found = [_version(each) for page in pages for each in page["Parameters"]]
        except (BotoCoreError, ClientError) as error:
            if code_of(error) == _NOT_FOUND:
                return ()
            raise ObservationError(f"{parameter} could not be read: {code_of(error)}") from error
        return tuple(sorted(found, key=lambda each: each.version))

    def newest(self, name: str) -> StoredVersion | None:
        """The version in Parameter Store now; None when there is no document.

        Raises:
            ObservationError: it could not be read.
        """
        versions = self.versions(name)
        return versions[-1] if versions else None

    def write(self, name: str, text: str, *, after: int, why: str = "") -> int:
        """Write the version that follows `after` (0: create the document); its number.

        Raises:
            SettingsMovedError: another write came between; what it wrote is in force.
            ConfigurationError: the text is too large for the parameter, or access is refused.
            UnknownOutcomeError: no answer came; the document may have been written.
            ObservationError: the document could not be read.
        """
        now = self.newest(name)
        if (now.version if now else 0) != after:
            raise SettingsMovedError(self._moved(name, now, after))
        limit = ADVANCED_BYTES if now and now.tier == "Advanced" else STANDARD_BYTES
        size = len(text.encode())
        if size > limit:
            raise ConfigurationError(
                f"{self.parameter(name)}: {size:,} bytes are more than the {limit:,} of its tier; "
                "move what targets share into the document `defaults`, or leave out what equals "
                "the shipped defaults"
            )
        written = self._put(name, text, why=why, is_new=now is None, tier=now.tier if now else "")
        if written != after + 1:
            raise SettingsMovedError(self._give_back(name, after, written))
        return written

    def _put(self, name: str, text: str, *, why: str, is_new: bool, tier: str) -> int:
        parameter = self.parameter(name)
        # Without a description the version might show that of the one before.
        request: dict[str, Any] = {
            "Name": parameter,
            "Value": text,
            "Type": "String",
            "Description": why[:_MAX_WHY] or _NO_REASON,
        }
        if tier == "Advanced":
            request["Tier"] = tier
        try:
            return self._client.put_parameter(**request, Overwrite=not is_new)["Version"]
        except ClientError as error:
            if code_of(error) == _EXISTS:
                raise SettingsMovedError(
                    f"{parameter} was created by another write meanwhile; nothing was written"
                ) from error
            raise ConfigurationError(
                f"{parameter} was not written: {code_of(error)}: "
                f"{error.response.get('Error', {}).get('Message', '')}"
            ) from error
        except BotoCoreError as error:
            raise UnknownOutcomeError(
                f"{parameter} may have been written: {type(error).__name__}; look at it by "
                f"`bedrock-autoscaler settings history {name}`"
            ) from error

    def _give_back(self, name: str, after: int, written: int) -> str:
        """Put back what others wrote between `after` and `written`; what happened, in words."""
        theirs = next((v for v in self.versions(name) if v.version == written - 1), None)
        begun = (
            f"{self.parameter(name)}: another write came between: version {written - 1} is not "
            f"version {after}, on which this change rests"
        )
        if theirs is None:
            return f"{begun}; version {written}, which is this change, is in force"
        why = f"version {written - 1} again, over which version {written} was written unseen"
        restored = self._put(name, theirs.text, why=why, is_new=False, tier=theirs.tier)
        if restored != written + 1:
            return f"{begun}; others keep writing: read version {restored} and those before it"
        return (
            f"{begun}, and was put back as version {restored}; version {written} with this change "
            "was in force for a moment; look, and change it again"
        )

    def _moved(self, name: str, now: StoredVersion | None, after: int) -> str:
        where = self.parameter(name)
        if now is None:
            return f"{where} was deleted since version {after} was read; nothing was written"
        seen = f"version {after} was read" if after else "it was looked for and not found"
        return (
            f"{where} is at version {now.version}, written at {now.at:%Y-%m-%d %H:%M:%S} UTC by "
            f"{now.by}, since {seen}; nothing was written: look, and change it again"
        )


def _version(found: Any) -> StoredVersion:  # noqa: ANN401 - the SDK's answer
    return StoredVersion(
        version=int(found["Version"]),
        text=found["Value"],
        at=as_utc(found["LastModifiedDate"]),
        by=found.get("LastModifiedUser") or "unknown",
        why=found.get("Description") or "",
        tier=found.get("Tier") or "Standard",
        kind=found.get("Type") or "String",
    )
