"""The settings in force: new documents where they are valid, the last good ones elsewhere."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from bedrock_autoscaler.application.errors import NewerRecordError
from bedrock_autoscaler.application.fleets.places import Place
from bedrock_autoscaler.application.ports.settings import (
    DocumentParser,
    LastGood,
    Parameters,
    Settings,
    SettingsProblem,
)
from bedrock_autoscaler.domain.target import Mode, StackRails, Target

DEFAULTS = "defaults"
STACK = "stack"
NOTHING_MAY_BE_HELD = StackRails(
    max_units=0,
    max_usd_per_hour=Decimal(0),
    max_usd_per_day=Decimal(0),
    max_usd_per_month=Decimal(0),
)
"""The caps while the document `stack` is invalid and never was valid: nobody meant "no cap"."""
_VERSION_DIGITS = 16
_TEXTS = 256
"""Packed documents that are kept at hand: while one has a problem, all are read each time."""
_GONE_DEFAULTS = SettingsProblem(
    document=DEFAULTS,
    field="",
    message="the document is gone, and what it last said stays in force; write {} for no defaults",
)
_GONE_STACK = SettingsProblem(
    document=STACK,
    field="",
    message="the document is gone, and its last caps stay in force; write others to change them",
)


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
    elsewhere: Collection[Place] = (),
) -> Settings:
    """One snapshot of the settings; an invalid document leaves its last good one in force.

    The last good document of a target is kept together with the defaults it was accepted over,
    so that neither an invalid edit of it nor a valid edit of the defaults that contradicts it
    takes the target out of force. One document's problem never touches another target, except
    that two documents which claim the same `ModelId` are both invalid.

    Args:
        parameters: the documents as they stand now.
        parser: turns texts into targets.
        last_good: the newest accepted texts; written when an accepted text differs.
        account: of the stack.
        region: of the stack.
        elsewhere: the other accounts and Regions whose targets are managed.

    Returns:
        Targets by name, and every problem, also those that a last good document papers over.

    Raises:
        ObservationError: the documents could not be read.
    """
    documents = parameters.documents()
    texts = documents.texts
    home = Place(account=account, region=region)
    loader = _Loader(parser, last_good, home, elsewhere, changed_at=documents.changed_at)
    defaults = loader.defaults(texts.get(DEFAULTS))
    loader.stack(texts.get(STACK))
    for name in sorted(texts.keys() - {DEFAULTS, STACK}):
        loader.consider(name, defaults, texts[name])
    loader.resolve_overlaps()
    return loader.settings()


def overlapping(targets: Iterable[Target]) -> tuple[SettingsProblem, ...]:
    """A problem for each target that shares a `ModelId` with another, in the order given.

    An ARN and the id at its end are the same `ModelId`.
    """
    known = tuple(targets)
    users: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for target in known:
        for model_id in dict.fromkeys(_bare(model_id) for model_id in target.model_ids):
            users[target.account, target.region, model_id].append(target.name)
    if all(len(names) == 1 for names in users.values()):
        return ()
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


class _Loader:
    """One pass over the documents."""

    def __init__(
        self,
        parser: DocumentParser,
        last_good: LastGood,
        home: Place,
        elsewhere: Collection[Place],
        *,
        changed_at: Mapping[str, datetime],
    ) -> None:
        self._changed_at = changed_at
        self._parser = parser
        self._last_good = last_good
        self._kept = last_good.texts()
        self._home = home
        self._elsewhere = frozenset(elsewhere)
        self._fresh: dict[str, tuple[Target, str]] = {}
        self._recalled: dict[str, Target] = {}
        self._problems: list[SettingsProblem] = []
        self._stack: StackRails | None = None
        self._lacks_defaults = False

    def defaults(self, text: str | None) -> str | None:
        """The text of defaults in force; None where only the shipped ones are.

        A document that was there and is gone, or is not valid, leaves its last good text in
        force: what it forbade is not allowed by its absence. Where no good text is known, nobody
        can tell what it was to forbid, and no target does more than advise.
        """
        problem = _GONE_DEFAULTS if text is None else self._parser.check_defaults(text)
        if text is not None and problem is None:
            self._put(DEFAULTS, text, DEFAULTS)
            return text
        kept = self._last_good.get(DEFAULTS)
        if text is None and kept is None:
            return None
        self._problems += [problem] if problem else []
        if kept is not None and self._parser.check_defaults(kept) is None:
            return kept
        self._lacks_defaults = True
        return None

    def stack(self, text: str | None) -> None:
        """Take the caps on all targets on; invalid or gone, the last good ones are in force."""
        found = _GONE_STACK if text is None else self._parser.parse_stack(text)
        if text is not None and isinstance(found, StackRails):
            self._put(STACK, text, STACK)
            self._stack = found
            return
        kept = self._last_good.get(STACK)
        if text is None and kept is None:
            return
        self._problems += [found] if isinstance(found, SettingsProblem) else []
        recalled = None if kept is None else self._parser.parse_stack(kept)
        self._stack = recalled if isinstance(recalled, StackRails) else NOTHING_MAY_BE_HELD

    def consider(self, name: str, defaults: str | None, text: str) -> None:
        """Take a document on, or recall the one before it."""
        found, packed = self._parse(name, defaults, text), _pack(defaults, text)
        kept = self._kept.get(name)
        if isinstance(found, Target) and kept is not None and kept != packed:
            found = self._moved(found, kept) or found
        if isinstance(found, SettingsProblem):
            self._refuse(found)
        elif self._lacks_defaults:
            self._fresh[name] = (_advising(found), "")
        else:
            self._fresh[name] = (found, "" if kept == packed else packed)

    def _moved(self, found: Target, kept: str) -> SettingsProblem | None:
        """Refuse another account or Region: what is held there would be out of sight."""
        before = self._parser.parse(found.name, *unpacked(kept))
        if isinstance(before, SettingsProblem) or Place.of(before) == Place.of(found):
            return None
        reason = (
            f"{found.name} is in {Place.of(before).name} and cannot move to "
            f"{Place.of(found).name}, since nobody would look after what it holds there: give the "
            "new one another name, and let the old one release what it has"
        )
        return SettingsProblem(document=found.name, field="region", message=reason)

    def resolve_overlaps(self) -> None:
        """Refuse documents that claim the same `ModelId`, until those in force are distinct.

        A document that is in force already stays so. Where only recalled ones overlap, nothing
        tells whose the traffic is, and none of them is managed.
        """
        while overlaps := self._overlaps():
            faulty = [problem for problem in overlaps if problem.document in self._fresh]
            if not faulty:
                break
            for problem in faulty:
                del self._fresh[problem.document]
                self._refuse(problem)
        for problem in overlaps:
            del self._recalled[problem.document]
            if problem not in self._problems:
                self._problems.append(problem)

    def settings(self) -> Settings:
        """What is in force, with the accepted documents kept."""
        for name, (target, packed) in tuple(self._fresh.items()):
            if packed:
                self._keep(name, target, packed)
        return Settings(targets=self._in_force(), problems=tuple(self._problems), stack=self._stack)

    def _in_force(self) -> tuple[Target, ...]:
        fresh = {name: target for name, (target, _) in self._fresh.items()}
        return tuple(target for _, target in sorted((fresh | self._recalled).items()))

    def _overlaps(self) -> tuple[SettingsProblem, ...]:
        return overlapping(self._in_force())

    def _parse(self, name: str, defaults: str | None, text: str) -> Target | SettingsProblem:
        """The target, or why it is not managed here."""
        found = self._parser.parse(name, defaults, text)
        if isinstance(found, SettingsProblem) or Place.of(found) == self._home:
            return found
        if Place.of(found) not in self._elsewhere:
            return SettingsProblem(document=name, field="account", message=self._foreign(found))
        if any(option.instances for option in found.options):
            reason = (
                f"instances of endpoints are changed in {self._home.account} in "
                f"{self._home.region} alone"
            )
            return SettingsProblem(document=name, field="options", message=reason)
        return found

    def _foreign(self, found: Target) -> str:
        home = f"{self._home.account} in {self._home.region}"
        reason = f"{found.account} in {found.region} is another place than this stack's: {home}"
        if self._elsewhere:
            reason += ", and those of its parameters SpokeAccounts and SpokeRegions"
        return reason

    def _keep(self, name: str, target: Target, packed: str) -> None:
        """Keep a document as good; over what newer code kept, the target does no more than advise.

        That code may have read another meaning into the same text.
        """
        try:
            self._put(name, packed, name, DEFAULTS)
        except NewerRecordError as error:
            self._problems.append(SettingsProblem(document=name, field="", message=str(error)))
            self._fresh[name] = (_advising(target), "")

    def _put(self, name: str, text: str, *sources: str) -> None:
        """Keep a text that differs from what is kept, under the moments of its documents."""
        if self._kept.get(name) != text:
            known = (self._changed_at[each] for each in sources if each in self._changed_at)
            self._last_good.put(name, text, sorted(known, reverse=True))

    def _refuse(self, problem: SettingsProblem) -> None:
        """Report a document and put its last good one in its place, where there is one."""
        self._problems.append(problem)
        packed = self._kept.get(problem.document)
        if packed is None:
            return
        target = self._parse(problem.document, *unpacked(packed))
        if isinstance(target, Target):
            self._recalled[problem.document] = target


def _advising(target: Target) -> Target:
    """The same in mode `advise`, with the version of that."""
    advising = replace(target, mode=Mode.ADVISE)
    return replace(advising, settings_version=settings_version(advising))


@lru_cache(maxsize=_TEXTS)
def _pack(defaults: str | None, text: str) -> str:
    """An accepted document with the defaults under it, as one text."""
    return json.dumps({"defaults": defaults, "document": text})


@lru_cache(maxsize=_TEXTS)
def unpacked(packed: str) -> tuple[str | None, str]:
    """The defaults and the text of a target's document that was kept as good."""
    parts = json.loads(packed)
    return parts["defaults"], parts["document"]
