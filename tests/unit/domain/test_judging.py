from dataclasses import replace
from math import exp

import numpy as np
import pytest

from bedrock_autoscaler.domain.decision import ExpertRecord
from bedrock_autoscaler.domain.judging import Track, judge, proposal_delay, weigh
from tests.builders import THRESHOLDS
from tests.unit.domain.worlds import HALF

SIZING = THRESHOLDS.sizing


def record(name: str, loss: float, *proposals: int) -> ExpertRecord:
    return ExpertRecord(name=name, loss_usd=loss, proposals=proposals)


def track(*records: ExpertRecord, recent: float | None = 1.0, is_judged: bool = False) -> Track:
    values = np.empty(0) if recent is None else np.full(15, recent)
    return Track(records=records, recent=values, settling=3, is_judged=is_judged)


@pytest.mark.parametrize(
    ("lead", "settling", "period", "delay"),
    [
        # A proposal of 12:00 speaks of 12:15 on. At 12:45 the newest period seen is 12:27 to
        # 12:42: three decisions later is the first whose period lies wholly after 12:15.
        (15, 3, 15, 3),
        (15, 0, 15, 2),
        (1, 1, 15, 2),
        (15, 3, 60, 2),
        (30, 3, 5, 8),
    ],
)
def test_a_proposal_is_judged_when_its_time_is_seen(
    lead: int, settling: int, period: int, delay: int
) -> None:
    sizing = replace(SIZING, lead_minutes=lead, decision_minutes=period)

    assert proposal_delay(sizing, settling) == delay
    # The period seen then, [now - settling - period, now - settling), begins after the lead time,
    # and one decision earlier it did not.
    assert delay * period - settling - period >= lead
    assert (delay - 1) * period - settling - period < lead


def test_an_expert_pays_what_following_it_would_have_cost() -> None:
    (updated,) = judge(track(record("a", 100.0, 2, 1, 1)), {"a": 5}, HALF, SIZING)

    # The proposal of three decisions ago, 2 units, against a demand of 1: a quarter of an hour
    # costs 2 x 34.65 / 4 = 17.325. The old loss fades by exp(-15 / 4320).
    assert updated.loss_usd == pytest.approx(100 * exp(-15 / 4320) + 17.325)
    assert updated.proposals == (2, 1, 1, 5)


def test_too_few_units_cost_what_overflows() -> None:
    (updated,) = judge(track(record("a", 0.0, 0, 1, 1)), {"a": 0}, HALF, SIZING)

    # Nothing held, one unit's worth on demand: 69.30 / 4.
    assert updated.loss_usd == pytest.approx(17.325)


def test_an_added_unit_costs_a_quarter_hour_more() -> None:
    (updated,) = judge(track(record("a", 0.0, 0, 1, 1, 1), recent=1.0), {"a": 1}, HALF, SIZING)

    # The proposal judged is the second: 1 after 0. 34.65 / 4 to hold it and 34.65 / 4 for churn.
    assert updated.loss_usd == pytest.approx(17.325)
    assert updated.proposals == (1, 1, 1, 1)


def test_nobody_is_judged_on_minutes_that_were_not_read() -> None:
    (updated,) = judge(track(record("a", 50.0, 2, 1, 1), recent=None), {"a": 1}, HALF, SIZING)

    assert updated.loss_usd == 50.0


def test_nobody_is_judged_before_its_time_is_seen() -> None:
    (updated,) = judge(track(record("a", 50.0, 2, 1)), {"a": 1}, HALF, SIZING)

    assert updated.loss_usd == 50.0


def test_a_newcomer_starts_level_with_the_best() -> None:
    updated = judge(track(record("a", 90.0), record("b", 60.0)), {"a": 1, "c": 1}, HALF, SIZING)

    assert {entry.name: entry.loss_usd for entry in updated} == {"a": 90.0, "b": 60.0, "c": 60.0}


def test_an_expert_without_data_stays_with_its_last_word() -> None:
    updated = judge(track(record("a", 0.0, 3), record("b", 0.0)), {}, HALF, SIZING)

    assert [entry.proposals for entry in updated] == [(3, 3), (0,)]


def test_a_tick_that_is_decided_again_judges_nobody_twice() -> None:
    records = (record("a", 50.0, 2, 1, 1),)

    assert judge(track(*records, is_judged=True), {"a": 9}, HALF, SIZING) == records


def test_trust_falls_with_the_loss_relative_to_the_best() -> None:
    # 5 % more than the best: exp(-20 x 0.05) = 1/e. 1/(1 + 1/e) = 0.731.
    weights = weigh([record("a", 100.0), record("b", 105.0)], ["a", "b"])

    assert weights == pytest.approx({"a": 0.7311, "b": 0.2689}, abs=0.0001)


def test_all_are_trusted_alike_while_nothing_is_known() -> None:
    assert weigh([], ["a", "b", "c", "d"]) == dict.fromkeys("abcd", 0.25)


def test_an_expert_without_a_record_is_trusted_like_the_best() -> None:
    weights = weigh([record("a", 100.0), record("b", 105.0)], ["a", "b", "c"])

    assert weights["a"] == weights["c"]


def test_no_expert_is_ever_out_of_the_race() -> None:
    weights = weigh([record("a", 1e-9), record("b", 1e9)], ["a", "b"])

    assert weights["b"] > 0
    assert sum(weights.values()) == pytest.approx(1.0)


def test_a_free_ride_is_measured_in_dollars() -> None:
    # The best lost nothing, so 0.05 USD more are exp(-20 x 0.05).
    weights = weigh([record("a", 0.0), record("b", 0.05)], ["a", "b"])

    assert weights["b"] / weights["a"] == pytest.approx(exp(-1))
