"""A purchase under a term: only with the consent to that very purchase, which it uses up."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from bedrock_autoscaler.application.errors import UnknownOutcomeError
from bedrock_autoscaler.domain.consents.consent import Request
from bedrock_autoscaler.domain.decision import Purchase
from bedrock_autoscaler.domain.target import Commitment
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import NOW, PT_MODEL, build_consent
from tests.staging import Script, Stage
from tests.unit.application.scenes import buys, reasons

COMMITTED = Purchase(
    model_id=PT_MODEL,
    model_units=1,
    usd_per_hour=Decimal("55.0"),
    commitment=Commitment.ONE_MONTH,
    consent_id="c-1",
)


def committing(wanted: Purchase = COMMITTED, **consent: Any) -> Stage:
    """A decision that names a consent, as no rule of the package does."""
    script = Script()
    script.actions[NOW] = (wanted,)
    scene = Stage(core=script)
    scene.fleets.consents["c-1"] = build_consent(**consent)
    scene.decide()
    return scene


def test_a_commitment_is_bought_with_the_consent_to_that_very_purchase() -> None:
    scene = committing()

    scene.purchase()

    (intent,) = scene.fleets.purchases("chat")
    assert (intent.commitment, intent.consent_id) == (Commitment.ONE_MONTH, "c-1")
    assert scene.fleets.consents["c-1"].used_by == intent.decision_id
    assert buys(scene) == 1


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"valid_until": NOW - MINUTE}, "was valid until"),
        ({"used_by": "another"}, "was used by another"),
        ({"units": 2}, "is for 2 units"),
        ({"model_id": "other"}, "of other"),
        ({"term": Commitment.SIX_MONTHS}, "under six_months"),
        ({"max_usd_per_hour": Decimal(54)}, "the price is 55"),
    ],
)
def test_a_commitment_without_its_consent_is_refused_before_the_intent(
    changed: dict[str, Any], told: str
) -> None:
    scene = committing(**changed)

    scene.purchase()

    assert scene.fleets.purchases("chat") == ()
    assert told in reasons(scene, "purchase_held")[0]


@pytest.mark.parametrize(
    ("consent_id", "told"),
    [(None, "the decision names none"), ("c-2", "there is no consent 'c-2'")],
)
def test_a_commitment_without_any_consent_is_refused_before_the_intent(
    consent_id: str | None, told: str
) -> None:
    """Another consent to the very same lies there unused."""
    scene = committing(replace(COMMITTED, consent_id=consent_id))

    scene.purchase()

    assert (buys(scene), scene.fleets.purchases("chat")) == (0, ())
    assert told in reasons(scene, "purchase_held")[0]


def agreed(scene: Stage, name: str, asked_at: datetime) -> None:
    """A person was asked for a month of one unit, and agreed."""
    request = Request(
        id=name,
        target="chat",
        model_id=PT_MODEL,
        units=1,
        term=Commitment.ONE_MONTH,
        usd_per_hour=Decimal(55),
        evidence="",
        asked_at=asked_at,
        expires_at=asked_at + 7 * 24 * HOUR,
    )
    scene.approvals.ask(request)
    scene.approvals.give(build_consent(id=name, valid_until=request.expires_at))


def test_an_account_without_a_pool_commits_within_the_models_own_quota() -> None:
    scene = Stage()
    scene.capacity.quota[PT_MODEL] = 0
    scene.capacity.own_quota[PT_MODEL] = 1
    agreed(scene, "c-1", NOW)
    scene.decide()

    scene.purchase()

    (intent,) = scene.fleets.purchases("chat")
    assert (intent.commitment, buys(scene)) == (Commitment.ONE_MONTH, 1)


def test_of_two_consents_to_the_same_units_one_buys() -> None:
    """They were asked for on both sides of a Sunday's midnight, say, by an earlier version."""
    scene = Stage()
    for name in ("c-1", "c-2"):
        agreed(scene, name, NOW)

    scene.run(120)

    (intent,) = scene.fleets.purchases("chat")
    assert (intent.commitment, intent.consent_id) == (Commitment.ONE_MONTH, "c-1")
    assert scene.fleets.consents["c-2"].is_open


def test_a_consent_comes_back_when_the_switch_stops_the_call() -> None:
    scene = committing()
    scene.switch.then("deny")

    scene.purchase()

    assert buys(scene) == 0
    assert scene.fleets.consents["c-1"].used_by is None


def test_a_consent_stays_used_while_the_outcome_is_unknown() -> None:
    scene = committing()
    scene.capacity.fail_next(UnknownOutcomeError("time-out"), method="buy", after_effect=True)

    scene.purchase()

    assert scene.fleets.consents["c-1"].used_by is not None


def test_a_consent_that_a_restored_table_shows_as_open_is_not_used_twice() -> None:
    script = Script()
    script.actions[NOW] = script.actions[NOW + 15 * MINUTE] = (COMMITTED,)
    scene = Stage(core=script)
    consent = build_consent(valid_until=NOW + 24 * HOUR)
    scene.fleets.consents["c-1"] = consent
    scene.run(14)
    assert buys(scene) == 1
    scene.fleets.consents["c-1"] = consent

    scene.run(4)

    assert buys(scene) == 1
    (told,) = reasons(scene, "purchase_held")
    assert told.startswith("consent c-1 was used by chat-capacity-")


def test_a_term_that_is_not_sold_is_not_bought() -> None:
    half_year = replace(COMMITTED, commitment=Commitment.SIX_MONTHS)
    script = Script()
    script.actions[NOW] = (half_year,)
    scene = Stage(core=script)
    scene.decide()

    scene.purchase()

    assert reasons(scene, "purchase_held") == [f"{PT_MODEL} has no known price under six_months"]
