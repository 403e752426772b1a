from dataclasses import replace

import numpy as np
import pytest

from bedrock_autoscaler.domain.decision import Label
from benchmarks.classifier_tables import Judged, tables
from benchmarks.classifying import SHIPPED, VARIANTS, Run, run_designs
from benchmarks.labelled_traffic import HALF, KINDS, MINUTES, generate
from benchmarks.naive_classifiers import SYNTETOS, best_cut, cut_score, syntetos_boylan

DAY = 1440
WEEK = 7 * DAY


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_and_a_seed_are_always_the_same_traffic(kind: str) -> None:
    first, again, other = generate(kind, 1), generate(kind, 1), generate(kind, 2)

    assert len(first.calls) == len(first.tokens) == MINUTES
    assert np.array_equal(first.tokens, again.tokens)
    assert not np.array_equal(first.tokens, other.tokens)
    assert not np.any(first.tokens[first.calls == 0])


def test_the_truth_changes_at_half_time() -> None:
    traffic = generate("steady_to_stop", 1)

    assert traffic.label_at(HALF) is Label.STEADY
    assert traffic.label_at(HALF + 60) is Label.IDLE
    assert traffic.calls[HALF:].sum() == 0


def test_a_flash_crowd_begins_at_its_onset() -> None:
    traffic = generate("flash", 1)

    assert traffic.onsets
    for onset in traffic.onsets:
        before, after = traffic.calls[onset - 60 : onset], traffic.calls[onset : onset + 15]
        assert after.mean() > 2 * before.mean()


def test_the_best_cut_parts_what_can_be_parted() -> None:
    cut = best_cut(np.array([0.1, 0.2, 0.9]), np.array([0.6, 0.8, 1.0]))

    # One steady score lies among the bursty ones whatever the cut.
    assert cut == pytest.approx(0.4)
    assert (cut_score(0.3, cut), cut_score(0.5, cut)) == (Label.STEADY, Label.BURSTY)


def test_syntetos_and_boylan_tell_rare_from_erratic() -> None:
    even = np.ones(WEEK)
    rare = np.where(np.arange(WEEK) % 60 < 5, 1.0, 0.0)
    erratic = np.where(np.arange(WEEK) % 60 < 5, 30.0, 1.0)

    assert syntetos_boylan(even, even) is Label.STEADY
    assert syntetos_boylan(rare, rare) is Label.INTERMITTENT
    assert syntetos_boylan(erratic, erratic) is Label.BURSTY


def test_each_design_answers_each_hour() -> None:
    calls = np.random.default_rng(1).poisson(50.0, 2 * DAY).astype(np.float64)

    run = run_designs(calls, calls, {"CV of 24 h": 0.5})

    assert run.hours == tuple(range(60, 2 * DAY + 1, 60))
    assert set(run.labels) == {SHIPPED, *VARIANTS, SYNTETOS, "CV of 24 h"}
    assert run.labels[SHIPPED][-1] is Label.STEADY
    assert run.spikes == ()


HOURS = tuple(range(60, MINUTES + 1, 60))


def judged(kind: str, wrong_hours: int = 0, spikes: tuple[int, ...] = ()) -> Judged:
    """A trace of this kind that is called right but for its newest hours."""
    spec = KINDS[kind]
    truth = tuple(
        spec.later if spec.later is not None and hour > HALF else spec.label for hour in HOURS
    )
    labels = (*truth[: len(truth) - wrong_hours], *[Label.DRIFTING] * wrong_hours)
    return Judged(
        kind=kind,
        run=Run(hours=HOURS, labels={SHIPPED: labels}, spikes=spikes),
        truth=truth,
        onsets=(WEEK + 100,) if kind == "flash" else (),
    )


def test_what_is_all_right_keeps_every_bound() -> None:
    synthetic = [judged(kind, spikes=(WEEK + 110,) if kind == "flash" else ()) for kind in KINDS]

    text, kept = tables(synthetic, [], "the command", {})

    assert kept
    assert text.startswith("the command\n")
    assert "no traces" in text
    assert "1 of 1 flash crowds flagged, 10 minutes after onset" in text.replace("\n", " ")


def test_a_missed_bound_is_marked() -> None:
    synthetic = [judged(kind, wrong_hours=100) for kind in KINDS]

    text, kept = tables(synthetic, [], "the command", {})

    # 100 of 505 hours are wrong, and the crowd was never flagged.
    assert not kept
    assert "missed" in text
    assert "0.802" in text


def test_a_flag_without_a_crowd_is_a_false_alarm() -> None:
    quiet = [judged(kind, spikes=(WEEK + 110,) if kind == "flash" else ()) for kind in KINDS]
    alarmed = [replace(one, run=replace(one.run, spikes=(2 * WEEK,))) for one in quiet[:1]]

    text, _ = tables([*alarmed, *quiet[1:]], [], "the command", {})

    assert "1 false alarms in 60 weeks" in text
    assert "false alarms a week, steady: 0.33" in text
