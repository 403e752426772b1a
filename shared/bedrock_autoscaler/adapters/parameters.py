"""Parameter Store: the settings documents and the kill switch."""

from __future__ import annotations

from typing import TYPE_CHECKING, override

from botocore.exceptions import BotoCoreError, ClientError

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.ports.settings import Documents, Parameters, Switch
from bedrock_autoscaler.domain.units import as_utc
from bedrock_autoscaler.sdk_errors import code_of

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

    from bedrock_autoscaler.application.ports.persons import Reporter

# The most that GetParametersByPath gives at once.
_PAGE_SIZE = 10
_ALLOW = "allow"
_SHARED = frozenset({"defaults", "stack"})
_NOT_FOUND = "ParameterNotFound"


class SsmParameters(Parameters):
    """`<prefix>/settings/defaults`, `.../settings/stack` and `.../settings/targets/<name>`.

    A document elsewhere under `<prefix>/settings` has its path as its name, which no parser
    accepts, so that a misplaced document is reported and not overlooked.
    """

    def __init__(self, client: SSMClient, prefix: str) -> None:
        self._client = client
        self._path = f"{prefix}/settings"

    @override
    def documents(self) -> Documents:
        """All pages.

        Raises:
            ObservationError: the documents could not be read, or not to the last page.
        """
        pages = self._client.get_paginator("get_parameters_by_path").paginate(
            Path=self._path, Recursive=True, PaginationConfig={"PageSize": _PAGE_SIZE}
        )
        try:
            found = [
                (self._name(each["Name"]), each) for page in pages for each in page["Parameters"]
            ]
        except (BotoCoreError, ClientError) as error:
            reason = f"settings under {self._path} could not be read: {code_of(error)}"
            raise ObservationError(reason) from error
        return Documents(
            texts={name: each["Value"] for name, each in found},
            changed_at={name: as_utc(each["LastModifiedDate"]) for name, each in found},
        )

    def _name(self, path: str) -> str:
        relative = path.removeprefix(f"{self._path}/")
        folder, _, name = relative.rpartition("/")
        is_shared = relative in _SHARED
        if is_shared or (folder == "targets" and name not in _SHARED):
            return name
        return f"settings/{relative}"


class SsmSwitch(Switch):
    """`<prefix>/switch`, one for the whole deployment; only the exact value `allow` permits.

    Args:
        reporter: hears why the parameter could not be read; nobody has set the switch then.
    """

    def __init__(self, client: SSMClient, prefix: str, reporter: Reporter) -> None:
        self._client = client
        self._parameter = f"{prefix}/switch"
        self._reporter = reporter

    @override
    def allows_action(self, target: str) -> bool:
        """Whether mutating calls may start now; missing, unreadable or misspelled means no."""
        try:
            answer = self._client.get_parameter(Name=self._parameter)
        except (BotoCoreError, ClientError) as error:
            if code_of(error) == _NOT_FOUND:
                return False
            text = f"{self._parameter} could not be read, so nothing may act: {code_of(error)}"
            self._reporter.alarm("switch_unread", target, text)
            return False
        return answer["Parameter"].get("Value") == _ALLOW
