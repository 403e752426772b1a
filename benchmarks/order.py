"""What a run of the benchmark was asked for, and what that means in traces and scenarios."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bedrock_autoscaler.backtest.scenario import STANDARD_NAMES
from benchmarks import known
from benchmarks.population import Source, find_sources, generated_sources, sample_of
from benchmarks.report import Yardstick
from benchmarks.scoring import Pair, scenarios_of
from benchmarks.surroundings import ROOT

DEFAULT_TRACES = Path("..") / "shared" / "traces"
"""Relative to the repository."""
_SETTINGS = ROOT / "benchmarks" / "settings"
_CACHE = ROOT / ".cache" / "optima"


class Bounds(StrEnum):
    """Which bounds on changes hold: none, all but those of a day, or all as shipped."""

    LIFTED = "lifted"
    DAYS = "days"
    SHIPPED = "shipped"
    BOTH = "both"


class UnusableError(Exception):
    """What was asked for cannot be run; one line for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What was asked for.

    Attributes:
        traces: folder of traces; None: the default one, or generated traffic.
        sample: how many traces; None: all.
        scenarios: their names.
        policy_only: leave out all baselines but all on demand.
        bounds: on changes.
        workers: processes.
        remember: whether optima of earlier runs may be used.
        name: of the results; None: chosen where the run is a whole one, else none is kept.
    """

    traces: Path | None
    sample: int | None
    scenarios: tuple[str, ...]
    policy_only: bool
    bounds: Bounds
    workers: int
    remember: bool
    name: str | None

    @property
    def command(self) -> str:
        """What to type to run the same again; of a folder of traces only its last name."""
        options = {
            "TRACES": None if self.traces is None else f".../{self.traces.name}",
            "SAMPLE": self.sample,
            "SCENARIOS": None if self.is_every_scenario else ",".join(self.scenarios),
            "POLICY_ONLY": 1 if self.policy_only else None,
            "BOUNDS": None if self.bounds is Bounds.LIFTED else self.bounds,
        }
        given = [f"{key}={value}" for key, value in options.items() if value is not None]
        return " ".join(["make bench", *given])

    @property
    def is_every_scenario(self) -> bool:
        """Whether no scenario is left out."""
        return self.scenarios == STANDARD_NAMES

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return self.sample is None and self.is_every_scenario and not self.policy_only

    def policies(self) -> dict[str, Mapping[str, object] | None]:
        """Settings documents of our policy by the name of its row."""
        documents = {
            Bounds.LIFTED: ("ours, bounds lifted", _document("unbounded.json")),
            Bounds.DAYS: ("ours, bounds of a day lifted", _document("days-unbounded.json")),
            Bounds.SHIPPED: ("ours, as shipped", None),
        }
        both = (Bounds.LIFTED, Bounds.SHIPPED)
        chosen = both if self.bounds is Bounds.BOTH else (self.bounds,)
        return dict(documents[bounds] for bounds in chosen)


def _document(name: str) -> Mapping[str, object]:
    document: Mapping[str, object] = json.loads((_SETTINGS / name).read_text(encoding="utf-8"))
    return document


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What a run is made on.

    Attributes:
        found: all traces that there are.
        sources: those that are scored.
        is_generated: whether there were none, so that they are made.
    """

    found: tuple[Source, ...]
    sources: tuple[Source, ...]
    is_generated: bool

    @property
    def yardstick(self) -> Yardstick:
        """What the published figures are to it."""
        if self.is_generated:
            return Yardstick.NONE
        return Yardstick.EXACT if len(self.sources) == known.TRACES else Yardstick.ROUGH

    @property
    def words(self) -> str:
        """What it is, for the report."""
        taken = len(self.sources)
        some = "" if taken == len(self.found) else f", {taken} of them evenly spread"
        if self.is_generated:
            return (
                f"GENERATED, since {DEFAULT_TRACES} holds no traces: {len(self.found)} seeded "
                f"traces of two weeks{some}"
            )
        return f"{len(self.found)} traces of one week or more{some}"


def chosen_scenarios(names: str | None) -> tuple[str, ...]:
    """The scenarios named, in the benchmark's order.

    Raises:
        UnusableError: there is none of such a name.
    """
    if names is None:
        return STANDARD_NAMES
    wanted = {name.strip() for name in names.split(",")}
    unknown = sorted(wanted - set(STANDARD_NAMES))
    if unknown:
        raise UnusableError(
            f"scenario {unknown[0]!r} is unknown; there are {', '.join(STANDARD_NAMES)}"
        )
    return tuple(name for name in STANDARD_NAMES if name in wanted)


def find_traffic(order: Order, usual: Path = ROOT / DEFAULT_TRACES) -> Traffic:
    """The traces asked for; generated traffic where none were and none are in the usual place.

    Args:
        order: what was asked for.
        usual: where traces are looked for when no folder was asked for.

    Raises:
        UnusableError: the folder that was asked for holds no trace of a week or more.
    """
    found = find_sources(order.traces or usual)
    if not found and order.traces is not None:
        raise UnusableError(f"{order.traces}: no trace (.csv or .csv.gz) of one week or more")
    is_generated = not found
    found = found or generated_sources()
    return Traffic(
        found=found,
        sources=found if order.sample is None else sample_of(found, order.sample),
        is_generated=is_generated,
    )


def pairs_of(order: Order, sources: Sequence[Source]) -> list[Pair]:
    """Every trace in every scenario that it is long enough for."""
    policies = order.policies()
    return [
        Pair(
            source=source,
            scenario=scenario,
            policies=policies,
            with_baselines=not order.policy_only,
            cache=_CACHE if order.remember else None,
        )
        for scenario in order.scenarios
        for source in sources
        if scenario in scenarios_of(source, order.scenarios)
    ]
