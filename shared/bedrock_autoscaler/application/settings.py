"""The settings in force: new documents where they are valid, the last good ones elsewhere."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace

from bedrock_autoscaler.application.ports import (
    DocumentParser,
    LastGood,
    Parameters,
    Settings,
    SettingsProblem,
)
from bedrock_autoscaler.domain.target import Target

DEFAULTS = "defaults"
_VERSION_DIGITS = 16


def settings_version(target: Target) -> str:
    """16 hex digits that name everything the target says, its own version left out."""
    content = json.dumps(
        asdict(replace(target, settings_version="")),
        sort_keys=True,
        separators=(",", ":"),
        default=str,
    )
    return hashlib.sha256(content.encode()).hexdigest()[:_VERSION_DIGITS]


def load_settings(
    parameters: Parameters,
    parser: DocumentParser,
    last_good: LastGood,
    *,
    account: str,
    region: str,
) -> Settings:
    """One snapshot of the settings; an invalid document leaves its last good one in force.

    The last good document of a target is kept together with the defaults it was accepted over,
    so that neither an invalid edit of it nor a valid edit of the defaults that contradicts it
    takes the target out of force. One document's problem never touches another target, except
    that two targets which share a `ModelId` are both invalid.

    Args:
        parameters: the documents as they stand now.
        parser: turns texts into targets.
        last_good: the newest accepted texts; written when an accepted text differs.
        account: the only account whose targets are managed.
        region: the only Region whose targets are managed.

    Returns:
        Targets by name, and every problem, also those that a last good document papers over.

    Raises:
        ObservationError: the documents could not be read.
    """
    texts = parameters.documents()
    problems: list[SettingsProblem] = []
    defaults = _defaults(texts.get(DEFAULTS), parser, last_good, problems)
    loader = _Loader(parser, last_good, account, region)
    fresh: dict[str, tuple[Target, str]] = {}
    for name in sorted(texts.keys() - {DEFAULTS}):
        accepted = loader.parse(name, defaults, texts[name])
        if isinstance(accepted, SettingsProblem):
            problems.append(accepted)
        else:
            fresh[name] = (accepted, _pack(defaults, texts[name]))
    overlaps = overlapping(target for target, _ in fresh.values())
    problems += overlaps
    for problem in overlaps:
        fresh.pop(problem.document)
    for name, (_, packed) in fresh.items():
        last_good.put(name, packed)
    in_force = {name: target for name, (target, _) in fresh.items()}
    in_force |= loader.recalled(texts.keys() - {DEFAULTS} - fresh.keys())
    # A recalled document may overlap another one; with no way to tell whose the traffic is,
    # neither is managed.
    for problem in overlapping(in_force.values()):
        del in_force[problem.document]
        if problem not in problems:
            problems.append(problem)
    targets = tuple(in_force[name] for name in sorted(in_force))
    return Settings(targets=targets, problems=tuple(problems))


def overlapping(targets: Iterable[Target]) -> tuple[SettingsProblem, ...]:
    """A problem for each target that shares a `ModelId` with another, in the order given.

    An ARN and the id at its end are the same `ModelId`.
    """
    known = tuple(targets)
    users: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for target in known:
        for model_id in dict.fromkeys(_bare(model_id) for model_id in target.model_ids):
            users[target.account, target.region, model_id].append(target.name)
    problems = []
    for target in known:
        for (_, _, model_id), names in users.items():
            if target.name in names and len(names) > 1:
                others = ", ".join(name for name in names if name != target.name)
                reason = (
                    f"{model_id} is also a ModelId of {others}; give each target ModelIds of its "
                    "own, for example through application inference profiles"
                )
                problems.append(
                    SettingsProblem(document=target.name, field="model_ids", message=reason)
                )
                break
    return tuple(problems)


def _bare(model_id: str) -> str:
    return model_id.rsplit("/", maxsplit=1)[-1]


def _defaults(
    text: str | None,
    parser: DocumentParser,
    last_good: LastGood,
    problems: list[SettingsProblem],
) -> str | None:
    """The text of defaults in force; None where only the shipped ones are."""
    if text is None:
        return None
    problem = parser.check_defaults(text)
    if problem is None:
        last_good.put(DEFAULTS, text)
        return text
    problems.append(problem)
    kept = last_good.get(DEFAULTS)
    return kept if kept is not None and parser.check_defaults(kept) is None else None


class _Loader:
    """Parses targets of one account and Region, and recalls the last good ones."""

    def __init__(
        self, parser: DocumentParser, last_good: LastGood, account: str, region: str
    ) -> None:
        self._parser = parser
        self._last_good = last_good
        self._place = (account, region)

    def parse(self, name: str, defaults: str | None, text: str) -> Target | SettingsProblem:
        """The target, or why it is not managed here."""
        found = self._parser.parse(name, defaults, text)
        if isinstance(found, SettingsProblem) or (found.account, found.region) == self._place:
            return found
        reason = (
            f"{found.account} in {found.region} is another place than this stack's: "
            f"{self._place[0]} in {self._place[1]}"
        )
        return SettingsProblem(document=name, field="account", message=reason)

    def recalled(self, names: Iterable[str]) -> Mapping[str, Target]:
        """The last good targets of these names, as far as there are any."""
        found: dict[str, Target] = {}
        for name in names:
            packed = self._last_good.get(name)
            if packed is None:
                continue
            defaults, text = _unpack(packed)
            target = self.parse(name, defaults, text)
            if isinstance(target, Target):
                found[name] = target
        return found


def _pack(defaults: str | None, text: str) -> str:
    """An accepted document with the defaults under it, as one text."""
    return json.dumps({"defaults": defaults, "document": text})


def _unpack(packed: str) -> tuple[str | None, str]:
    parts = json.loads(packed)
    return parts["defaults"], parts["document"]
