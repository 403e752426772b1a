"""Runs all pairs of a benchmark in worker processes, the longest first."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from os import environ  # noqa: TID251 - for libraries to read, not for us

from benchmarks.check_values import EXPECTED, CheckValues, computed
from benchmarks.population import Source, load
from benchmarks.scoring import Pair, PairResult, score_pair


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The published check values beside those computed in this run.

    Attributes:
        compared: how many trace-scenario pairs were compared.
        differing: names of those that differ, as `trace scenario`.
    """

    compared: int
    differing: tuple[str, ...]

    @property
    def line(self) -> str:
        """What came out, in one sentence."""
        if not self.compared:
            return "Check values: not compared, since their traces are not here."
        if self.differing:
            return f"Check values DIFFER for {', '.join(self.differing)}."
        return f"Check values: all {self.compared} pairs agree to the cent."


def run_pairs(
    pairs: Sequence[Pair], checks: Sequence[Source], *, workers: int, on_done: Callable[[int], None]
) -> tuple[tuple[PairResult, ...], Checked]:
    """Score all pairs and compute the check values of the traces that have any.

    Args:
        pairs: what to score.
        checks: traces to verify the check values on, whether they are scored or not.
        workers: processes.
        on_done: called with the minutes of a pair when it is done.

    Returns:
        Results in the order of the pairs, without those that have no score.
    """
    named = {source.name: source for source in checks}
    compared = [(named[name], scenario) for name, scenario in EXPECTED if name in named]
    # The workers share the cores; numpy's own threads would only get in their way.
    environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Fresh processes: a fork would inherit the locks of this one's progress display.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        # A long pair that starts last leaves the other workers idle.
        futures: dict[int, Future[PairResult | None]] = {
            index: pool.submit(score_pair, pairs[index])
            for index in sorted(range(len(pairs)), key=lambda item: -pairs[item].source.minutes)
        }
        checking = [pool.submit(_check, source, scenario) for source, scenario in compared]
        minutes = {future: pairs[index].source.minutes for index, future in futures.items()}
        try:
            for future in as_completed(minutes):
                future.result()
                on_done(minutes[future])
            checked = [future.result() for future in checking]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    results = (futures[index].result() for index in range(len(pairs)))
    differing = [
        f"{source.name} {scenario}"
        for (source, scenario), agrees in zip(compared, checked, strict=True)
        if not agrees
    ]
    return (
        tuple(result for result in results if result is not None),
        Checked(compared=len(compared), differing=tuple(differing)),
    )


def _check(source: Source, scenario: str) -> bool:
    """Whether the values computed here are the published ones."""
    found: CheckValues = computed(load(source), scenario)
    return found == EXPECTED[source.name, scenario]
