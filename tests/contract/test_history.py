"""What every History guarantees."""

from datetime import timedelta

import numpy as np
import pytest

from bedrock_autoscaler.adapters.storage.history import DynamoHistory
from bedrock_autoscaler.adapters.storage.packed import PackedHistory
from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.ports.history import History
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import MODEL, NOW, build_traffic, pt_arn
from tests.comparing import plain
from tests.contract.conftest import BACKENDS, LEDGER
from tests.fakes.memory_history import MemoryHistory

DAY = timedelta(days=1)
NAN = float("nan")


@pytest.fixture(params=[*BACKENDS, "packed"])
def history(request: pytest.FixtureRequest) -> History:
    if request.param == "memory":
        return MemoryHistory()
    if request.param == "packed":
        return PackedHistory(request.getfixturevalue("dynamodb"), LEDGER)
    return DynamoHistory(request.getfixturevalue("dynamodb"), LEDGER)


def test_whole_hours_are_kept_and_partial_ones_are_not(history: History) -> None:
    # From 08:30 to 11:20: the whole hours are 09 and 10.
    traffic = build_traffic(170, end=NOW - 40 * MINUTE, invocations=np.arange(170.0))

    history.store("chat", {MODEL: traffic})

    stored = history.load("chat", NOW - DAY, NOW)
    assert stored.reference.revisions == ((NOW - 3 * HOUR, 0), (NOW - 2 * HOUR, 0))
    assert (stored.reference.start, stored.reference.end) == (NOW - 3 * HOUR, NOW - HOUR)
    assert plain(stored.traffic[MODEL]) == plain(stored.total)
    assert plain(stored.total.invocations) == tuple(range(30, 150))
    assert stored.total.start == NOW - 3 * HOUR


def test_nothing_kept_is_an_empty_answer_at_the_start(history: History) -> None:
    stored = history.load("chat", NOW - DAY, NOW)

    assert stored.reference.revisions == ()
    assert stored.reference.start == stored.reference.end == NOW - DAY
    assert stored.traffic == {}
    assert len(stored.total) == 0
    assert stored.total.start == NOW - DAY


def test_an_hour_without_any_known_minute_is_not_kept(history: History) -> None:
    history.store("chat", {MODEL: build_traffic(60, end=NOW, invocations=NAN)})

    assert history.load("chat", NOW - DAY, NOW).reference.revisions == ()


def test_the_same_values_make_no_new_revision(history: History) -> None:
    traffic = build_traffic(120, end=NOW)

    history.store("chat", {MODEL: traffic})
    first = history.load("chat", NOW - DAY, NOW)
    history.store("chat", {MODEL: traffic})
    second = history.load("chat", NOW - DAY, NOW)

    assert second.reference == first.reference


def test_a_changed_value_makes_a_new_revision_of_its_hour_alone(history: History) -> None:
    values = np.full(120, 5.0)
    history.store("chat", {MODEL: build_traffic(120, end=NOW, invocations=values)})
    before = history.load("chat", NOW - DAY, NOW)
    values[119] = 6.0

    history.store("chat", {MODEL: build_traffic(120, end=NOW, invocations=values)})

    after = history.load("chat", NOW - DAY, NOW)
    assert after.reference.revisions == ((NOW - 2 * HOUR, 0), (NOW - HOUR, 1))
    assert after.total.invocations[119] == 6.0
    assert after.reference.sha256 != before.reference.sha256


def test_a_minute_that_becomes_a_gap_keeps_its_value(history: History) -> None:
    known = np.full(60, 5.0)
    known[0] = NAN
    later = np.full(60, NAN)
    later[0] = 7.0

    history.store("chat", {MODEL: build_traffic(60, end=NOW, invocations=known)})
    history.store("chat", {MODEL: build_traffic(60, end=NOW, invocations=later)})

    stored = history.load("chat", NOW - DAY, NOW)
    assert plain(stored.total.invocations) == (7.0, *[5.0] * 59)


def test_a_model_id_that_came_later_leaves_no_gap_in_the_total(history: History) -> None:
    early = build_traffic(60, end=NOW - HOUR, invocations=3.0)
    both = build_traffic(60, end=NOW, invocations=4.0)

    history.store("chat", {MODEL: early})
    history.store("chat", {MODEL: both, pt_arn(1): both})

    stored = history.load("chat", NOW - DAY, NOW)
    assert plain(stored.total.invocations) == (*[3.0] * 60, *[8.0] * 60)
    assert plain(stored.traffic[pt_arn(1)].invocations) == (*[None] * 60, *[4.0] * 60)


def test_a_model_id_that_is_no_longer_read_keeps_its_hours(history: History) -> None:
    traffic = build_traffic(60, end=NOW, invocations=4.0)

    history.store("chat", {MODEL: traffic, pt_arn(1): traffic})
    history.store("chat", {MODEL: traffic})

    stored = history.load("chat", NOW - DAY, NOW)
    assert stored.reference.revisions == ((NOW - HOUR, 0),)
    assert stored.total.invocations[0] == 8.0


def test_a_gap_of_one_model_id_is_a_gap_of_the_total(history: History) -> None:
    gap = np.full(60, 1.0)
    gap[30] = NAN

    history.store(
        "chat",
        {
            MODEL: build_traffic(60, end=NOW, invocations=1.0),
            pt_arn(1): build_traffic(60, end=NOW, invocations=gap),
        },
    )

    total = history.load("chat", NOW - DAY, NOW).total
    assert plain(total.invocations) == (*[2.0] * 30, None, *[2.0] * 29)


def test_an_hour_between_that_is_not_kept_is_a_gap(history: History) -> None:
    history.store("chat", {MODEL: build_traffic(60, end=NOW - 2 * HOUR, invocations=1.0)})
    history.store("chat", {MODEL: build_traffic(60, end=NOW, invocations=2.0)})

    total = history.load("chat", NOW - DAY, NOW).total
    assert plain(total.invocations) == (*[1.0] * 60, *[None] * 60, *[2.0] * 60)


def test_a_load_is_cut_to_what_was_asked_for(history: History) -> None:
    history.store("chat", {MODEL: build_traffic(180, end=NOW, invocations=np.arange(180.0))})

    stored = history.load("chat", NOW - 100 * MINUTE, NOW - 10 * MINUTE)

    assert stored.reference.revisions == ((NOW - 2 * HOUR, 0), (NOW - HOUR, 0))
    assert stored.reference.start == NOW - 100 * MINUTE
    assert stored.reference.end == NOW - 10 * MINUTE
    assert plain(stored.total.invocations) == tuple(range(80, 170))


def test_targets_do_not_see_one_another(history: History) -> None:
    history.store("chat", {MODEL: build_traffic(60, end=NOW)})

    assert history.load("chat-2", NOW - DAY, NOW).reference.revisions == ()
    assert history.load("cha", NOW - DAY, NOW).reference.revisions == ()


def test_a_reference_gives_back_what_it_named_after_later_revisions(history: History) -> None:
    history.store("chat", {MODEL: build_traffic(120, end=NOW, invocations=1.0)})
    then = history.load("chat", NOW - 90 * MINUTE, NOW)
    history.store("chat", {MODEL: build_traffic(120, end=NOW, invocations=2.0)})

    again = history.load_exact("chat", then.reference)

    assert plain(again) == plain(then)
    assert history.load("chat", NOW - DAY, NOW).total.invocations[0] == 2.0


def test_a_reference_to_another_content_is_refused(history: History) -> None:
    history.store("chat", {MODEL: build_traffic(60, end=NOW, invocations=1.0)})
    history.store("email", {MODEL: build_traffic(60, end=NOW, invocations=2.0)})
    reference = history.load("email", NOW - DAY, NOW).reference

    with pytest.raises(ObservationError, match="chat"):
        history.load_exact("chat", reference)


def test_a_reference_to_a_missing_revision_is_refused(history: History) -> None:
    history.store("chat", {MODEL: build_traffic(60, end=NOW)})
    reference = history.load("chat", NOW - DAY, NOW).reference

    with pytest.raises(ObservationError, match="missing"):
        history.load_exact("email", reference)


def test_storing_nothing_keeps_nothing(history: History) -> None:
    history.store("chat", {})
    history.store("chat", {MODEL: build_traffic(59, end=NOW)})

    assert history.load("chat", NOW - DAY, NOW).reference.revisions == ()
