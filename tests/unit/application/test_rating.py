"""The unit rate measured on kept history."""

from collections.abc import Mapping

import pytest

from bedrock_autoscaler.application.observing.rating import measured_rate
from bedrock_autoscaler.application.ports.history import HistoryReference, StoredHistory
from bedrock_autoscaler.domain.traffic.observation import Traffic
from bedrock_autoscaler.domain.unit_rates.rates import RateKind
from bedrock_autoscaler.domain.units import HOUR
from tests.builders import (
    NOW,
    UNIT_RATE,
    build_provisioned,
    build_rate_measurement,
    build_target,
    build_traffic,
    pt_arn,
)
from tests.recorded import build_purchase
from tests.unit.domain.buckets import throttled_traffic

BUSY = build_traffic(60, end=NOW, input_tokens=500_000.0, output_tokens=60_000.0)


def stored(traffic: Mapping[str, Traffic]) -> StoredHistory:
    reference = HistoryReference(
        start=NOW - HOUR, end=NOW, revisions=((NOW - HOUR, 0),), sha256="0" * 64
    )
    return StoredHistory(reference=reference, traffic=traffic, total=BUSY)


def test_throughputs_are_known_by_their_arn_and_measured_by_their_units() -> None:
    purchases = [build_purchase(arn=pt_arn(1), model_units=2)]

    found = measured_rate(build_target(), purchases, stored({pt_arn(1): BUSY}), None)

    assert found is not None
    assert found.measured_at == NOW
    # 500,000 tokens on 2 units, less a minute's store in 16.
    assert found.rate.input_tokens_per_minute == pytest.approx(250_000 * 15 / 16)


@pytest.mark.parametrize(
    "intent",
    [
        build_purchase(arn=None),
        build_purchase(arn=pt_arn(2)),
        build_purchase(arn=pt_arn(1), model_id="another"),
    ],
    ids=["never bought", "not kept", "another model"],
)
def test_what_is_no_throughput_of_this_model_says_nothing(intent: object) -> None:
    assert isinstance(intent, type(build_purchase()))

    assert measured_rate(build_target(), [intent], stored({pt_arn(1): BUSY}), None) is None


def test_nothing_is_measured_twice_nor_without_history() -> None:
    before = build_rate_measurement(measured_at=NOW)
    purchases = [build_purchase(arn=pt_arn(1))]
    kept = stored({pt_arn(1): BUSY})

    assert measured_rate(build_target(), purchases, kept, before) is before
    assert measured_rate(build_target(), purchases, None, before) is before
    assert measured_rate(build_target(provisioned=None), purchases, kept, before) is before


def test_settings_may_know_how_often_callers_try() -> None:
    traffic = throttled_traffic(UNIT_RATE, load=0.8)
    purchases = [build_purchase(arn=pt_arn(1), model_units=2)]
    told = build_target(provisioned=build_provisioned(attempts_per_call=3.0))

    loose = measured_rate(build_target(), purchases, stored({pt_arn(1): traffic}), None)
    sure = measured_rate(told, purchases, stored({pt_arn(1): traffic}), None)

    assert loose is not None
    assert sure is not None
    assert sure.kind is RateKind.MEASURED
    # Three tries a call make a third of the demand of one, which only a larger unit refuses so.
    assert sure.rate.input_tokens_per_minute > loose.rate.input_tokens_per_minute
