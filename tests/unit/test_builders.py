from bedrock_autoscaler.domain.fleet.holdings import minutes_left_paid
from bedrock_autoscaler.domain.traffic.observation import METRICS
from bedrock_autoscaler.domain.units import HOUR
from tests.builders import NOW, build_fleet, build_pt, build_situation, build_traffic


def test_a_built_situation_is_fresh_and_of_one_shape() -> None:
    situation = build_situation()

    traffic = situation.observation.traffic
    assert (situation.scheduled_at - traffic.end).total_seconds() == 180
    assert len(traffic) == 1440
    assert situation.fleet.held_units == 0


def test_a_gap_in_one_series_is_a_gap_in_all() -> None:
    traffic = build_traffic(2, invocations=float("nan"))

    assert all(str(getattr(traffic, name)[0]) == "nan" for name in METRICS)


def test_a_built_fleet_counts_its_units() -> None:
    fleet = build_fleet(build_pt(1), build_pt(2, model_units=3))

    assert fleet.in_service_units == 4


def test_a_built_pt_is_twenty_minutes_before_the_end_of_its_second_hour() -> None:
    # Bought 100 minutes ago, so that the second hour ends in 120 - 100 minutes.
    assert minutes_left_paid(build_pt(), NOW, HOUR) == 20
