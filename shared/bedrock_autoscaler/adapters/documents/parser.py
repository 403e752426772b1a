"""Parses settings documents: a target over `defaults` over the shipped defaults."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, override

from pydantic import BaseModel, ValidationError

from bedrock_autoscaler.adapters.documents.conversion import (
    Prices,
    consents_of,
    target_of,
    thresholds_of,
)
from bedrock_autoscaler.adapters.documents.document import (
    BacktestDocument,
    DefaultsDocument,
    TargetDocument,
)
from bedrock_autoscaler.adapters.documents.fields import THRESHOLDS
from bedrock_autoscaler.adapters.documents.limits import StackDocument
from bedrock_autoscaler.adapters.documents.problems import problem_of
from bedrock_autoscaler.adapters.documents.text import Object, merged, read_object
from bedrock_autoscaler.application.ports.settings import DocumentParser, SettingsProblem
from bedrock_autoscaler.domain.consents.consent import AdvanceConsent
from bedrock_autoscaler.domain.target import GuardRails, Slo, StackRails, Target
from bedrock_autoscaler.domain.thresholds import Thresholds

DEFAULTS = "defaults"
STACK = "stack"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_MAX_NAME = 32
_RESERVED = frozenset({DEFAULTS, STACK, "switch"})
NAME_RULE = (
    "a target's name is lower-case letters, digits and single hyphens, at most "
    f"{_MAX_NAME} characters, and not {' or '.join(sorted(_RESERVED))}"
)
# Caps on money and units protect an account; a backtest has none. A document may still set them.
_BACKTEST_CAPS: Object = {
    "guard_rails": {
        "max_units": 1_000,
        "max_usd_per_hour": 100_000,
        "max_usd_per_day": 2_400_000,
        "max_usd_per_month": 75_000_000,
    }
}
# No drain is modelled.
_BACKTEST_SECTIONS = {*THRESHOLDS} - {"draining"}


def is_name(name: str) -> bool:
    """Whether a target may have this name."""
    return name not in _RESERVED and len(name) <= _MAX_NAME and bool(_NAME.fullmatch(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestSettings:
    """What a backtest takes from a settings document; the scenario brings everything else.

    Attributes:
        shown: the document with the defaults of what is taken from it.
    """

    slo: Slo
    guard_rails: GuardRails
    thresholds: Thresholds
    consents: tuple[AdvanceConsent, ...]
    shown: Object


class TargetDocuments(DocumentParser):
    """The deployed parser; it knows no consents.

    Args:
        prices: where the price `list` is looked up.
        variants_of: the ids that a purchase may name for a bare model id, when there are several
            context lengths; empty where it knows of none.
        decision_minutes: period of the capacity loop.
    """

    def __init__(
        self,
        prices: Prices,
        variants_of: Callable[[str], tuple[str, ...]] = lambda _: (),
        *,
        decision_minutes: int = 5,
    ) -> None:
        self._prices = prices
        self._variants_of = variants_of
        self._decision_minutes = decision_minutes

    @override
    def parse(self, name: str, defaults: str | None, text: str) -> Target | SettingsProblem:
        """The target in force, or the first problem of its document."""
        if not is_name(name):
            return SettingsProblem(document=name, field="", message=NAME_RULE)
        below = _object(DEFAULTS, defaults) if defaults is not None else {}
        if isinstance(below, SettingsProblem):
            return below
        above = _object(name, text)
        if isinstance(above, SettingsProblem):
            return above
        document = _validated(name, TargetDocument, merged(below, above))
        if isinstance(document, SettingsProblem):
            return document
        return self._missing_variant(name, document) or target_of(
            name, document, self._prices, decision_minutes=self._decision_minutes
        )

    @override
    def check_defaults(self, text: str) -> SettingsProblem | None:
        """The first problem of a document of defaults; fields left to the targets are none."""
        found = _object(DEFAULTS, text)
        if isinstance(found, SettingsProblem):
            return found
        try:
            DefaultsDocument.model_validate_json(json.dumps(found))
        except ValidationError as error:
            for fault in error.errors(include_url=False):
                if fault["type"] != "missing":
                    return problem_of(DEFAULTS, DefaultsDocument, fault)
        return None

    @override
    def parse_stack(self, text: str) -> StackRails | SettingsProblem:
        """The caps of the stack, or the first problem of its document."""
        found = _object(STACK, text)
        if isinstance(found, SettingsProblem):
            return found
        document = _validated(STACK, StackDocument, found)
        return document if isinstance(document, SettingsProblem) else document.to_domain()

    def _missing_variant(self, name: str, document: TargetDocument) -> SettingsProblem | None:
        """Refuse the bare id of a model that is sold by context length."""
        if document.provisioned is None:
            return None
        model_id = document.provisioned.model_id
        variants = self._variants_of(model_id)
        if not variants:
            return None
        reason = f'"{model_id}" is sold by context length; give one of {", ".join(variants)}'
        return SettingsProblem(document=name, field="provisioned.model_id", message=reason)


def parse_for_backtest(
    name: str, text: str | None, *, decision_minutes: int = 5
) -> BacktestSettings | SettingsProblem:
    """The policy in a settings document, or its first problem.

    Account, Region, models, options and prices may be left out, since a scenario brings them.
    Caps on units and dollars bind only where the document sets them: a backtest spends nothing.

    Args:
        name: what a problem calls the document.
        text: the document as a target has it, or None for the shipped defaults.
        decision_minutes: period of the capacity loop.
    """
    found = _object(name, text) if text is not None else {}
    if isinstance(found, SettingsProblem):
        return found
    document = _validated(name, BacktestDocument, merged(_BACKTEST_CAPS, found))
    if isinstance(document, SettingsProblem):
        return document
    return BacktestSettings(
        slo=document.slo.to_domain(),
        guard_rails=document.guard_rails.to_domain(),
        thresholds=thresholds_of(document, decision_minutes=decision_minutes),
        consents=consents_of(document),
        shown=merged(document.model_dump(mode="json", include=_BACKTEST_SECTIONS), found),
    )


def _object(name: str, text: str) -> Object | SettingsProblem:
    try:
        return read_object(text)
    except ValueError as error:
        return SettingsProblem(document=name, field="", message=str(error))


def _validated[M: BaseModel](
    name: str, model: type[M], value: Mapping[str, Any]
) -> M | SettingsProblem:
    # JSON again, since pydantic's strict mode takes dates and words from JSON, not from Python.
    try:
        return model.model_validate_json(json.dumps(value))
    except ValidationError as error:
        return problem_of(name, model, error.errors(include_url=False)[0])
