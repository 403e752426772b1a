"""Settings by the tick: read each time, worked out anew only when a document has changed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import override

from bedrock_autoscaler.application.ports.settings import Documents, Parameters, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read(Parameters):
    """Documents that were read already."""

    found: Documents

    @override
    def documents(self) -> Documents:
        return self.found


class SettingsReader:
    """A snapshot of the settings on each call.

    The documents are read every time. While they are what they were, and had no problem, the
    targets that came of them are the same and nothing of the last good ones need be looked up.

    Args:
        parameters: the documents as they stand.
        load: works the settings out of documents.
        prices: names the price list in force; a new list means new targets.
    """

    def __init__(
        self,
        parameters: Parameters,
        load: Callable[[Parameters], Settings],
        prices: Callable[[], object] = lambda: None,
    ) -> None:
        self._parameters = parameters
        self._load = load
        self._prices = prices
        self._listed: object = None
        self._texts: Mapping[str, str] | None = None
        self._settings = Settings(targets=(), problems=())

    def __call__(self) -> Settings:
        """The settings in force.

        Raises:
            ObservationError: the documents or the price list could not be read.
        """
        documents, listed = self._parameters.documents(), self._prices()
        texts = documents.texts
        if texts != self._texts or listed != self._listed:
            settings = self._load(_Read(found=documents))
            if settings.problems:
                return settings
            self._texts, self._settings, self._listed = texts, settings, listed
        return self._settings
