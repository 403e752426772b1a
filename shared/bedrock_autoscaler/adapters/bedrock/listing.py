"""Reads provisioned throughputs with their tags, as values of the application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from bedrock_autoscaler.adapters.bedrock.errors import NOT_FOUND
from bedrock_autoscaler.application.ports.bedrock import Inventory, ListedThroughput
from bedrock_autoscaler.domain.fleet.holdings import Status
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import as_utc
from bedrock_autoscaler.sdk_errors import code_of, described, unread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_bedrock.type_defs import (
        GetProvisionedModelThroughputResponseTypeDef,
        ProvisionedModelSummaryTypeDef,
    )

DEPLOYMENT_TAG: Final = "bedrock-autoscaler:deployment"
TARGET_TAG: Final = "bedrock-autoscaler:target"
DECISION_TAG: Final = "bedrock-autoscaler:decision"

_TERMS = {"OneMonth": Commitment.ONE_MONTH, "SixMonths": Commitment.SIX_MONTHS}


class Listing:
    """The provisioned throughputs of the account and Region.

    Owner tags are written with the purchase and never by us again, so that they are remembered.
    Somebody else may change them: each inventory asks for those again that it has known longest.
    One without them is asked for again each time: tags may lag behind a new throughput. Before a
    deletion the tags are read afresh (`get`).

    Attributes:
        problem: why the last inventory was incomplete; empty when it was not.
    """

    def __init__(self, client: BedrockClient) -> None:
        self._client = client
        self._owner_tags: dict[str, Mapping[str, str]] = {}
        self.problem = ""

    def all(self) -> Inventory:
        """Every throughput; incomplete when a later page, or tags or size of one, are missing.

        Raises:
            ObservationError: not even the first page could be read.
        """
        summaries: dict[str, ProvisionedModelSummaryTypeDef] = {}
        self.problem = ""
        pages = self._client.get_paginator("list_provisioned_model_throughputs").paginate()
        read_pages = 0
        try:
            for page in pages:
                read_pages += 1
                found = page.get("provisionedModelSummaries", ())
                summaries |= {summary["provisionedModelArn"]: summary for summary in found}
        except (BotoCoreError, ClientError) as error:
            if not read_pages:
                raise unread("the list of provisioned throughputs", error) from error
            self.problem = f"a later page: {described(error)}"
        throughputs = []
        longest_known = next(iter(self._owner_tags), None)
        for arn, summary in sorted(summaries.items()):
            tags = self._remembered_tags(arn, is_asked_again=arn == longest_known)
            try:
                throughputs.append(listed(summary, tags or {}))
            except (KeyError, TypeError) as error:
                # Of a kind that is not known here: without its size nothing can be counted.
                self.problem = f"{arn} lacks {error}"
        if longest_known is not None and longest_known not in summaries:
            del self._owner_tags[longest_known]
        return Inventory(throughputs=tuple(throughputs), complete=not self.problem)

    def get(self, name_or_arn: str) -> ListedThroughput | None:
        """One throughput with its tags read afresh; None when Bedrock does not know it.

        Raises:
            ObservationError: it, or its tags, could not be read.
        """
        try:
            found = self._client.get_provisioned_model_throughput(provisionedModelId=name_or_arn)
        except (BotoCoreError, ClientError) as error:
            if code_of(error) == NOT_FOUND:
                return None
            raise unread(f"provisioned throughput {name_or_arn}", error) from error
        arn = found["provisionedModelArn"]
        try:
            return listed(found, self._tags(arn))
        except (BotoCoreError, ClientError) as error:
            raise unread(f"tags of {arn}", error) from error

    def _remembered_tags(self, arn: str, *, is_asked_again: bool) -> Mapping[str, str] | None:
        """The tags of a listed throughput, last known ones too; None when there are none such."""
        known = self._owner_tags.get(arn)
        if known is not None and not is_asked_again:
            return known
        try:
            tags = self._tags(arn)
        except (BotoCoreError, ClientError) as error:
            self.problem = f"tags of {arn}: {described(error)}"
            return known
        self._owner_tags.pop(arn, None)
        if {DEPLOYMENT_TAG, TARGET_TAG, DECISION_TAG} <= tags.keys():
            self._owner_tags[arn] = tags
        return tags

    def _tags(self, arn: str) -> dict[str, str]:
        """Of one that was just seen; none where they lag behind it, or it was deleted since."""
        try:
            answer = self._client.list_tags_for_resource(resourceARN=arn)
        except ClientError as error:
            if code_of(error) == NOT_FOUND:
                return {}
            raise
        return {tag["key"]: tag["value"] for tag in answer.get("tags", ())}


def listed(
    found: ProvisionedModelSummaryTypeDef | GetProvisionedModelThroughputResponseTypeDef,
    tags: Mapping[str, str],
) -> ListedThroughput:
    """A throughput of an answer, with its tags."""
    expires = found.get("commitmentExpirationTime")
    return ListedThroughput(
        arn=found["provisionedModelArn"],
        name=found["provisionedModelName"],
        model_arn=found["modelArn"],
        model_units=found["modelUnits"],
        status=_status(found["status"]),
        commitment=_commitment(found.get("commitmentDuration"), is_expiring=expires is not None),
        created_at=as_utc(found["creationTime"]),
        committed_until=None if expires is None else as_utc(expires),
        deployment=tags.get(DEPLOYMENT_TAG),
        target=tags.get(TARGET_TAG),
        decision_id=tags.get(DECISION_TAG),
    )


def _status(status: str) -> Status:
    """A status that AWS adds one day is held and counted, but neither routed nor deleted."""
    return Status(status) if status in set(Status) else Status.UPDATING


def _commitment(duration: str | None, *, is_expiring: bool) -> Commitment:
    """A term that AWS adds one day, or an end without a term, counts as one: it is not deleted."""
    if duration is None and not is_expiring:
        return Commitment.NONE
    return _TERMS.get(duration or "", Commitment.SIX_MONTHS)
