"""Settings documents over several ticks, and what they come to."""

import json
from collections.abc import Mapping
from typing import override

from bedrock_autoscaler.adapters.documents import TargetDocuments
from bedrock_autoscaler.application.fleets.places import Place
from bedrock_autoscaler.application.ports.settings import Documents, Parameters, Settings
from bedrock_autoscaler.application.settings.in_force import load_settings
from tests.builders import ACCOUNT, MODEL, REGION
from tests.documents import BASE, ListedPrices
from tests.fakes.memory_settings import MemoryLastGood, MemoryParameters

OTHER_MODEL = "meta.llama3-1-8b-instruct-v1:0"


def document(model: str = MODEL, **changes: object) -> str:
    return json.dumps(BASE | {"options": [{"kind": "on_demand", "address": model}]} | changes)


class Found(Parameters):
    """Documents that were read before."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    @override
    def documents(self) -> Documents:
        return self._documents


class Store:
    """Parameters and last good documents over several ticks."""

    def __init__(self, **texts: str) -> None:
        self.parameters = MemoryParameters(texts)
        self.last_good = MemoryLastGood()
        self.elsewhere = frozenset[Place]()

    def load(self, found: Documents | None = None) -> Settings:
        """Of the documents as they are, or as a slow run found them."""
        return load_settings(
            self.parameters if found is None else Found(found),
            TargetDocuments(ListedPrices()),
            self.last_good,
            account=ACCOUNT,
            region=REGION,
            elsewhere=self.elsewhere,
        )

    def edit(self, **texts: str) -> None:
        self.parameters.texts.update(texts)


def names(settings: Settings) -> list[str]:
    return [target.name for target in settings.targets]


def places(settings: Settings) -> list[tuple[str, str]]:
    return [(problem.document, problem.field) for problem in settings.problems]


def max_units(settings: Settings) -> Mapping[str, int]:
    return {target.name: target.guard_rails.max_units for target in settings.targets}
