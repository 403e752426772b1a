"""The deployed parser of settings, which reads the same text only once."""

from functools import lru_cache
from typing import override

from bedrock_autoscaler.adapters.documents import TargetDocuments
from bedrock_autoscaler.application.ports.settings import SettingsProblem
from bedrock_autoscaler.domain.target import StackRails, Target
from tests.documents import ListedPrices
from tests.simulation.schedule import PERIODS


class _CachedDocuments(TargetDocuments):
    """The deployed parser; what it made of a text once is handed out again."""

    @override
    @lru_cache(maxsize=20_000)  # noqa: B019 - it lives as long as the process
    def parse(self, name: str, defaults: str | None, text: str) -> Target | SettingsProblem:
        """The target in force, or the first problem of its document."""
        return super().parse(name, defaults, text)

    @override
    @lru_cache(maxsize=1_000)  # noqa: B019 - it lives as long as the process
    def parse_stack(self, text: str) -> StackRails | SettingsProblem:
        """The caps on all targets, or the first problem of the document."""
        return super().parse_stack(text)

    @override
    @lru_cache(maxsize=1_000)  # noqa: B019 - it lives as long as the process
    def check_defaults(self, text: str) -> SettingsProblem | None:
        """What is wrong with a document of defaults."""
        return super().check_defaults(text)


PARSERS = {
    minutes: _CachedDocuments(ListedPrices(), decision_minutes=minutes) for minutes in PERIODS
}
"""One for each length of the capacity period, in minutes."""
