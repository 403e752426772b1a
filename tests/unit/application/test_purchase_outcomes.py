"""What becomes of a purchase whose answer is lost."""

import pytest

from bedrock_autoscaler.application.errors import (
    CapacityUnavailableError,
    ObservationError,
    TargetsFailedError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.application.observing.surveying import GRACE
from bedrock_autoscaler.domain.fleet.intent import PurchaseState
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import NOW, PT_MODEL
from tests.intents import TWO_UNITS
from tests.unit.application.scenes import NAME, decided, only_purchase


def test_a_lost_answer_leaves_the_purchase_open_and_the_next_tick_adopts_it() -> None:
    scene = decided()
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="buy", after_effect=True)
    first = scene.purchase()
    scene.clock.advance(MINUTE)

    second = scene.purchase()

    assert first.outcomes == (("chat", "purchase unresolved"),)
    assert second.outcomes == (("chat", "purchase bought"),)
    assert len(scene.capacity.calls) == 1
    intent = only_purchase(scene)
    assert (intent.state, intent.arn) == (PurchaseState.BOUGHT, scene.only_arn())
    assert intent.billed_from == NOW


def test_a_crash_after_the_purchase_before_its_record_is_repaired() -> None:
    scene = decided()
    scene.fleets.fail_next(KeyError("the process dies here"), method="update_purchase")
    with pytest.raises(TargetsFailedError):
        scene.purchase()
    assert only_purchase(scene).state is PurchaseState.RECORDED
    scene.clock.advance(MINUTE)

    scene.purchase()

    assert only_purchase(scene).state is PurchaseState.BOUGHT
    assert len(scene.capacity.calls) == 1
    assert len(scene.capacity.inventory().throughputs) == 1


@pytest.mark.parametrize(
    "error", [UnknownOutcomeError("no answer"), ObservationError("the table is throttled")]
)
@pytest.mark.parametrize("is_refused", [False, True])
def test_an_outcome_that_could_not_be_written_is_an_alarm_and_repaired(
    error: Exception, *, is_refused: bool
) -> None:
    scene = decided()
    if is_refused:
        refusal = CapacityUnavailableError("none left", code="ServiceQuotaExceededException")
        scene.capacity.fail_next(refusal, method="buy")
    scene.fleets.fail_next(error, method="update_purchase")

    assert scene.purchase().outcomes == (("chat", "unobserved"),)

    assert ("unobserved", "chat") in scene.reporter.alarm_names
    assert only_purchase(scene).state is PurchaseState.RECORDED
    scene.clock.advance(GRACE)
    scene.purchase()
    settled = PurchaseState.ABANDONED if is_refused else PurchaseState.BOUGHT
    assert only_purchase(scene).state is settled
    assert len(scene.capacity.calls) == (0 if is_refused else 1)


def test_an_unknown_write_of_the_intent_sends_no_call() -> None:
    scene = decided()
    scene.fleets.fail_next(
        UnknownOutcomeError("no answer"), method="begin_purchase", after_effect=True
    )

    assert scene.purchase().outcomes == (("chat", "unobserved"),)
    assert scene.capacity.calls == []
    assert only_purchase(scene).state is PurchaseState.RECORDED


def test_nothing_is_bought_while_a_purchase_has_no_answer() -> None:
    scene = decided()
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="buy")
    scene.purchase()
    scene.core.actions[NOW + 15 * MINUTE] = (TWO_UNITS,)  # type: ignore[attr-defined]  # a Script
    scene.clock.advance(15 * MINUTE)
    scene.decide()

    assert scene.purchase().outcomes == (("chat", "purchase unresolved"),)
    assert scene.capacity.calls == []


def test_absence_is_evidence_only_after_the_grace() -> None:
    scene = decided()
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="buy")
    scene.purchase()
    scene.clock.advance(GRACE - MINUTE)
    assert scene.purchase().outcomes == (("chat", "purchase unresolved"),)
    scene.clock.advance(MINUTE)

    assert scene.purchase().outcomes == (("chat", "purchase abandoned"),)

    assert only_purchase(scene).state is PurchaseState.ABANDONED
    assert scene.fleets.record_of("chat").reserved_units == 0
    assert scene.reporter.alarm_names == [("purchase_abandoned", "chat")]


def test_an_open_purchase_that_cannot_be_looked_up_waits_and_is_an_alarm_after_the_grace() -> None:
    scene = decided()
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="buy")
    scene.purchase()
    scene.capacity.pages_missing = True
    scene.clock.advance(MINUTE)
    scene.purchase()
    assert scene.reporter.alarms == []
    assert [h.event for h in scene.reporter.happenings if "reason" in h.fields] == [
        "purchase_unresolved",
        "purchase_unresolved",
    ]
    scene.clock.advance(GRACE)

    assert scene.purchase().outcomes == (("chat", "purchase unresolved"),)

    assert only_purchase(scene).state is PurchaseState.RECORDED
    assert scene.reporter.alarm_names == [("purchase_unresolved", "chat")]


def test_a_pt_that_turns_up_after_its_purchase_was_abandoned_is_adopted_and_alarmed() -> None:
    scene = decided()
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="buy")
    scene.purchase()
    scene.clock.advance(GRACE)
    scene.purchase()
    intent = only_purchase(scene)
    scene.capacity.add(
        name=intent.name,
        model_id=intent.model_id,
        model_units=intent.model_units,
        deployment="test",
        target="chat",
        decision_id=intent.decision_id,
    )
    scene.clock.set(NOW + 45 * MINUTE)
    scene.decide()

    scene.purchase()

    intent = only_purchase(scene)
    assert (intent.state, intent.arn) == (PurchaseState.BOUGHT, scene.only_arn())
    assert scene.fleets.record_of("chat").reserved_units == 2
    assert scene.reporter.alarm_names == [
        ("purchase_abandoned", "chat"),
        ("unmanaged_pt", "chat"),
        ("metrics_incomplete", "chat"),  # the clock jumped; nothing beat meanwhile
        ("purchase_late", "chat"),
    ]


def test_an_abandoned_purchase_stays_so_while_nothing_turns_up() -> None:
    scene = decided()
    scene.capacity.fail_next(UnknownOutcomeError("timed out"), method="buy")
    scene.purchase()
    scene.clock.advance(GRACE)
    scene.purchase()
    # Somebody's PT has our name, but not our tags: a name alone proves nothing.
    scene.capacity.add(name=NAME, model_id=PT_MODEL)
    scene.clock.set(NOW + 45 * MINUTE)
    scene.decide()

    scene.purchase()

    assert only_purchase(scene).state is PurchaseState.ABANDONED
