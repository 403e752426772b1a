"""What the figures say: the published ones met or missed, no harm, and what bounds cost."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.known import KNOWN
from benchmarks.population import Part
from benchmarks.summary import CLOSED, HARM, SLIGHT_HARM, Summary

SLIGHT_HARM_ALLOWED = 0.05
"""Share of the traces that may cost more than 2% above all on demand."""
RISE_ALLOWED = 0.03
"""By which the shipped bounds on changes may raise a median."""
_RISE_ONLY_STATED = "claude50-x8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure of ours beside the published ones.

    Attributes:
        scenario: its name.
        quantile: median, p90 or worst.
        ours: the score.
        causal: the best known without knowledge of the future.
        perfect: the one with a perfect next hour; None where none was published.
    """

    scenario: str
    quantile: str
    ours: float
    causal: float
    perfect: float | None

    @property
    def is_met(self) -> bool:
        """At or below the best known, as both are printed: to three digits."""
        return round(self.ours, 3) <= self.causal

    @property
    def is_halfway(self) -> bool:
        """At least half of the way from the best known to the perfect hour is made."""
        return self.perfect is not None and self.ours <= (self.causal + self.perfect) / 2


def figures_of(summaries: Sequence[Summary], policy: str) -> tuple[Figure, ...]:
    """Three figures a scenario, over all traces."""
    return tuple(
        Figure(
            scenario=summary.scenario,
            quantile=quantile,
            ours=ours,
            causal=KNOWN[summary.scenario].causal[index],
            perfect=(*KNOWN[summary.scenario].perfect, None)[index],
        )
        for summary in _of(summaries, policy, Part.ALL)
        for index, (quantile, ours) in enumerate(
            (("median", summary.median), ("p90", summary.p90), ("worst", summary.worst))
        )
    )


def figures_line(summaries: Sequence[Summary], policy: str) -> str:
    """How many published figures are met, and which are missed by how much."""
    figures = figures_of(summaries, policy)
    missed = [figure for figure in figures if not figure.is_met]
    halfway = [figure for figure in figures if figure.perfect is not None]
    line = (
        f"{policy}: {len(figures) - len(missed)} of {len(figures)} figures at or below the best "
        f"known causal ones; {sum(figure.is_halfway for figure in halfway)} of {len(halfway)} "
        "at least halfway to the perfect hour"
    )
    if not missed:
        return f"{line}."
    listed = ", ".join(
        f"{figure.scenario} {figure.quantile} {figure.ours:.3f} ({figure.causal:.3f})"
        for figure in missed
    )
    return f"{line}. Missed: {listed}."


def no_harm_line(summaries: Sequence[Summary], policy: str) -> str:
    """Whether the policy ever costs much more than doing nothing, in the open scenarios."""
    rows = [row for row in _of(summaries, policy, Part.ALL) if row.scenario not in CLOSED]
    if not rows:
        return f"{policy}: no harm: not asked, since no open scenario was run."
    worst = max(rows, key=lambda row: row.worst_harm)
    often = max(rows, key=lambda row: row.slight_harm_share)
    holds = worst.worst_harm <= HARM and often.slight_harm_share <= SLIGHT_HARM_ALLOWED
    return (
        f"{policy}: no harm {'holds' if holds else 'FAILS'} in the open scenarios: the worst trace "
        f"costs {worst.worst_harm:+.1%} against all on demand ({worst.scenario}; allowed "
        f"{HARM:+.0%}), and at most {often.slight_harm_share:.1%} of the traces more than "
        f"{SLIGHT_HARM:.0%} above ({often.scenario}; allowed {SLIGHT_HARM_ALLOWED:.0%})."
    )


def changes_line(summaries: Sequence[Summary], policy: str) -> str:
    """Changes of the number of units a week."""
    rows = list(_of(summaries, policy, Part.ALL))
    most = max(rows, key=lambda row: row.changes_per_week)
    least = min(rows, key=lambda row: row.changes_per_week)
    return (
        f"{policy}: changes per week: medians from {least.changes_per_week:.0f} "
        f"({least.scenario}) to {most.changes_per_week:.0f} ({most.scenario}); 90th percentile "
        f"at most {max(row.changes_per_week_p90 for row in rows):.0f}."
    )


def bounds_line(summaries: Sequence[Summary], *, shipped: str, lifted: str) -> str:
    """By how much the shipped bounds on changes raise the medians."""
    free = {row.scenario: row.median for row in _of(summaries, lifted, Part.ALL)}
    rises = {
        row.scenario: row.median - free[row.scenario] for row in _of(summaries, shipped, Part.ALL)
    }
    asked = {name: rise for name, rise in rises.items() if name != _RISE_ONLY_STATED}
    holds = all(rise <= RISE_ALLOWED for rise in asked.values())
    listed = ", ".join(f"{name} {rise:+.3f}" for name, rise in rises.items())
    return (
        f"The shipped bounds on changes move the medians by {listed}; "
        f"{'all' if holds else 'NOT all'} within {RISE_ALLOWED:+.2f}, {_RISE_ONLY_STATED} being "
        "stated only."
    )


def published_baselines_lines(summaries: Sequence[Summary]) -> Iterator[str]:
    """Whether two baselines, where they were run, have the medians published for them."""
    for policy in ("target_tracking", "best_static"):
        rows = list(_of(summaries, policy, Part.ALL))
        if not rows:
            continue
        differing = []
        for row in rows:
            known = KNOWN[row.scenario]
            published = known.tracking if policy == "target_tracking" else known.static
            if round(row.median, 3) != published:
                differing.append(f"{row.scenario} {row.median:.3f} ({published:.3f})")
        agreement = f"differ: {', '.join(differing)}" if differing else "agree"
        yield f"Published medians of {policy.replace('_', ' ')}: {agreement}."


def _of(summaries: Sequence[Summary], policy: str, part: Part) -> Iterator[Summary]:
    return (row for row in summaries if row.policy == policy and row.part is part)
