"""The figures and tables of the classifier's benchmark."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bedrock_autoscaler.domain.classes.labels import verdict_of
from bedrock_autoscaler.domain.decision import Label
from benchmarks.classifying import SETTLING_MINUTES, SHIPPED, TICK_MINUTES, Run
from benchmarks.labelled_traffic import HALF, KINDS
from benchmarks.naive_classifiers import NAIVE, SYNTETOS

_DAY = 1440
_WEEK = 7 * _DAY
_HOURS_PER_WEEK = 168
_NEVER = float("inf")
_FOUND_WITHIN = 120
_CROWD_MINUTES = 360
"""A flag up to so long after the onset belongs to the crowd."""
BOUNDS: Mapping[str, tuple[str, float]] = {
    "suitable or not": (">=", 0.98),
    "exact class": (">=", 0.97),
    "exact class, hard set": (">=", 0.85),
    "flips a week": ("<=", 0.3),
    "flips a week, real traces": ("<=", 1.6),
    "steady to bursty, hours at p95": ("<=", 24.0),
    "spike, minutes to the flag at the median": ("<=", 15.0),
    "spike, false alarms a week": ("<=", 0.5),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A history with what it was called.

    Attributes:
        truth: class at each hourly review; empty for real traces.
        onsets: first minutes of flash crowds.
    """

    kind: str
    run: Run
    truth: tuple[Label, ...]
    onsets: tuple[int, ...]

    @property
    def is_hard(self) -> bool:
        """Whether it is of the hard set."""
        return self.kind.startswith("hard_")


def tables(
    synthetic: Sequence[Judged], real: Sequence[Judged], command: str, cuts: Mapping[str, float]
) -> tuple[str, bool]:
    """(the whole printed result, whether every bound is kept)."""
    figures = _figures(synthetic, real)
    seeds = len(synthetic) // len(KINDS)
    lines = [
        command,
        "",
        f"{len(synthetic)} labelled traces of 28 days: {seeds} seeds of {len(KINDS)} kinds.",
        f"{len(real)} real traces. Judged hourly from day 7 on, right after a change too.",
        f"A decision every {TICK_MINUTES} minutes on what was {SETTLING_MINUTES} minutes old.",
        "Suitable: steady, seasonal or trending. The hard set is left out of all but its own row.",
        "",
        *_bound_lines(figures),
        "",
        *_design_lines(synthetic, real, cuts),
        "",
        *_confusion_lines(synthetic),
        "",
        *_delay_lines(synthetic),
        "",
        *_spike_lines(synthetic),
        "",
        *_real_lines(real),
    ]
    return "\n".join(lines) + "\n", all(_is_kept(name, value) for name, value in figures.items())


def _figures(synthetic: Sequence[Judged], real: Sequence[Judged]) -> dict[str, float]:
    usual = [one for one in synthetic if not one.is_hard]
    hard = [one for one in synthetic if one.is_hard]
    delays, found, _ = _spikes(synthetic)
    alarms, weeks = _alarms(synthetic)
    figures = {
        "suitable or not": _accuracy(usual, SHIPPED, _is_suitable),
        "exact class": _accuracy(usual, SHIPPED, _is_exact),
        "exact class, hard set": _accuracy(hard, SHIPPED, _is_exact),
        "flips a week": float(np.mean(_flips(usual, SHIPPED))),
        "steady to bursty, hours at p95": _quantile(
            _delays(synthetic, "steady_to_bursty", SHIPPED), 0.95
        ),
        "spike, minutes to the flag at the median": float(np.median(delays)) if found else _NEVER,
        "spike, false alarms a week": alarms / weeks,
    }
    if real_flips := _flips(real, SHIPPED):
        figures["flips a week, real traces"] = float(np.mean(real_flips))
    return figures


# -- what is counted ---------------------------------------------------------------------------


def _is_exact(label: Label, truth: Label) -> bool:
    return label is truth


def _is_suitable(label: Label, truth: Label) -> bool:
    return verdict_of(label) is verdict_of(truth)


def _accuracy(
    judged: Sequence[Judged], design: str, is_right: Callable[[Label, Label], bool]
) -> float:
    """Share of the hours from day 7 on that are right."""
    right = [is_right(label, truth) for one in judged for label, truth in _hours(one, design)]
    return float(np.mean(right))


def _hours(one: Judged, design: str) -> Iterator[tuple[Label, Label]]:
    rows = zip(one.run.hours, one.run.labels[design], one.truth, strict=True)
    return ((label, truth) for minute, label, truth in rows if minute >= _WEEK)


def _flips(judged: Sequence[Judged], design: str) -> list[float]:
    """Changes of class a week in each trace, from day 7 on."""
    found = []
    for one in judged:
        kept = [
            label
            for minute, label in zip(one.run.hours, one.run.labels[design], strict=True)
            if minute >= _WEEK
        ]
        if len(kept) > 1:
            changes = sum(a is not b for a, b in pairwise(kept))
            found.append(changes * _HOURS_PER_WEEK / (len(kept) - 1))
    return found


def _delays(judged: Sequence[Judged], kind: str, design: str) -> list[float]:
    """Hours from half time to the new class, in each trace; infinite if it never comes."""
    later = KINDS[kind].later
    found = []
    for one in judged:
        if one.kind != kind:
            continue
        rows = zip(one.run.hours, one.run.labels[design], strict=True)
        found.append(
            next(
                (
                    (minute - HALF) / 60
                    for minute, label in rows
                    if minute > HALF and label is later
                ),
                _NEVER,
            )
        )
    return found


def _spikes(judged: Sequence[Judged]) -> tuple[list[float], int, int]:
    """(minutes from onset to flag, number found, number of flash crowds)."""
    delays = []
    for one in judged:
        for onset in one.onsets:
            after = [at - onset for at in one.run.spikes if at > onset]
            delays.append(float(after[0]) if after and after[0] <= _FOUND_WITHIN else _NEVER)
    return delays, sum(delay < _NEVER for delay in delays), len(delays)


def _alarms(judged: Sequence[Judged]) -> tuple[int, float]:
    """(flags that go up without a flash crowd, weeks looked at), from day 7 on."""
    alarms, weeks = 0, 0.0
    for one in judged:
        false = [at for at in one.run.spikes if at >= _WEEK and not _in_crowd(at, one.onsets)]
        alarms += sum(
            index == 0 or at - false[index - 1] > TICK_MINUTES for index, at in enumerate(false)
        )
        weeks += max(one.run.hours[-1] - _WEEK, 0) / _WEEK
    return alarms, weeks


def _in_crowd(minute: int, onsets: Sequence[int]) -> bool:
    return any(onset < minute <= onset + _CROWD_MINUTES for onset in onsets)


def _quantile(values: Sequence[float], share: float) -> float:
    return float(np.quantile(values, share, method="higher")) if values else _NEVER


def _is_kept(name: str, value: float) -> bool:
    sign, bound = BOUNDS[name]
    return value >= bound if sign == ">=" else value <= bound


# -- how it is printed -------------------------------------------------------------------------


def _bound_lines(figures: Mapping[str, float]) -> Iterator[str]:
    yield f"{'figure':44}{'reached':>9}{'bound':>10}"
    for name, (sign, bound) in BOUNDS.items():
        if name not in figures:
            yield f"{name:44}{'no traces':>9}"
            continue
        mark = "" if _is_kept(name, figures[name]) else "   missed"
        yield f"{name:44}{figures[name]:>9.3f}{sign + f' {bound:g}':>10}{mark}"


def _design_lines(
    synthetic: Sequence[Judged], real: Sequence[Judged], cuts: Mapping[str, float]
) -> Iterator[str]:
    usual = [one for one in synthetic if not one.is_hard]
    hard = [one for one in synthetic if one.is_hard]
    yield (
        f"{'design':36}{'suitable':>9}{'exact':>7}{'hard':>7}{'flips/week (p95)':>18}"
        f"{'to bursty h (p95)':>19}{'real flips (p95)':>18}"
    )
    for design in synthetic[0].run.labels:
        flips = _flips(usual, design)
        delays = _delays(synthetic, "steady_to_bursty", design)
        shown = f"{np.mean(flips):.2f} ({_quantile(flips, 0.95):.1f})"
        late = f"{_hour(np.median(delays))} ({_hour(_quantile(delays, 0.95))})"
        real_flips = _flips(real, design)
        seen = (
            f"{np.mean(real_flips):.2f} ({_quantile(real_flips, 0.95):.1f})" if real_flips else "-"
        )
        name = f"{design} > {cuts[design]:.3g}" if design in NAIVE else design
        yield (
            f"{name:36}{_accuracy(usual, design, _is_suitable):>9.3f}"
            f"{_accuracy(usual, design, _is_exact):>7.3f}{_accuracy(hard, design, _is_exact):>7.3f}"
            f"{shown:>18}{late:>19}{seen:>18}"
        )
    yield f"{SYNTETOS} by its published cuts; each other naive cut is the best one on tuning seeds."


def _hour(value: float) -> str:
    return "never" if value == _NEVER else f"{value:.0f}"


def _confusion_lines(synthetic: Sequence[Judged]) -> Iterator[str]:
    """Per cent of hours by kind and class; the second half of what changes is its own row."""
    columns = [label for label in Label if label is not Label.UNKNOWN]
    heads = "".join(f"{label.value[:11]:>13}" for label in columns)
    yield f"{'% of hours':19}{'is':13}{heads}{'flips/week':>13}"
    for kind in KINDS:
        of_kind = [one for one in synthetic if one.kind == kind]
        counts: dict[Label, Counter[Label]] = {}
        for one in of_kind:
            for label, truth in _hours(one, SHIPPED):
                counts.setdefault(truth, Counter())[label] += 1
        flips = f"{np.mean(_flips(of_kind, SHIPPED)):>13.2f}"
        for truth, count in counts.items():
            cells = "".join(_cell(count, label) for label in columns)
            yield f"{kind:19}{truth.value:13}{cells}{flips}"
            flips = ""


def _cell(count: Counter[Label], label: Label) -> str:
    share = 100 * count[label] / count.total()
    return f"{share:>13.1f}" if share else f"{'.':>13}"


def _delay_lines(synthetic: Sequence[Judged]) -> Iterator[str]:
    yield f"{'hours from half time to the new class':40}{'median':>9}{'p95':>9}{'never':>9}"
    for kind, spec in KINDS.items():
        if spec.later is None:
            continue
        delays = _delays(synthetic, kind, SHIPPED)
        never = sum(delay == _NEVER for delay in delays)
        yield (
            f"{kind:40}{_hour(np.median(delays)):>9}{_hour(_quantile(delays, 0.95)):>9}{never:>9}"
        )


def _spike_lines(synthetic: Sequence[Judged]) -> Iterator[str]:
    delays, found, total = _spikes(synthetic)
    alarms, weeks = _alarms(synthetic)
    yield (
        f"spikes: {found} of {total} flash crowds flagged, {_hour(np.median(delays))} minutes "
        f"after onset at the median, {_hour(_quantile(delays, 0.95))} at p95; "
        f"{alarms} false alarms in {weeks:.0f} weeks"
    )
    for kind in KINDS:
        alarms, weeks = _alarms([one for one in synthetic if one.kind == kind])
        if alarms:
            yield f"  false alarms a week, {kind}: {alarms / weeks:.2f}"


def _real_lines(real: Sequence[Judged]) -> Iterator[str]:
    if not real:
        yield "no real traces: the folder of traces is not there"
        return
    last = Counter(one.run.labels[SHIPPED][-1] for one in real)
    named = ", ".join(f"{label.value} {count}" for label, count in last.most_common())
    alarms, weeks = _alarms(real)
    yield f"real traces, class at their end: {named}"
    if weeks:
        yield f"real traces, spike flags a week: {alarms / weeks:.2f}"
