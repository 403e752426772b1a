"""`decisions show` as an argument: what was expected, how sure, what would change the verdict."""

from dataclasses import replace

from bedrock_autoscaler.application.ports.decisions import RecordedDecision
from bedrock_autoscaler.cli.decisions.argument import Outcomes, argue
from bedrock_autoscaler.cli.decisions.counterfactual import what_would_change
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import Situation
from bedrock_autoscaler.domain.forecasting.distribution import Calibration
from bedrock_autoscaler.domain.sizing.balance import Balance
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.report.expected import expected_lines
from tests.builders import (
    NOW,
    build_fleet,
    build_observation,
    build_provisioned,
    build_pt,
    build_pt_traffic,
    build_situation,
    build_target,
    pt_arn,
)
from tests.unit.domain.worlds import half_price_target, trusting, units_traffic

DAY = 1440


def situation(*pieces: tuple[int, float], held: int = 0) -> Situation:
    """The half-price target after this demand, with a unit at the end of its hour or none."""
    pts = tuple(build_pt(number) for number in range(1, held + 1))
    return build_situation(
        target=half_price_target(),
        fleet=build_fleet(*pts),
        observation=build_observation(
            traffic=units_traffic(*pieces),
            by_option=(),
            provisioned=tuple(build_pt_traffic(pt.arn) for pt in pts),
        ),
    )


def recorded(made: Situation) -> RecordedDecision:
    return RecordedDecision(
        decision=decide(made), situation=made, history=None, code_version="1.2.3"
    )


def turns(made: Situation) -> list[str]:
    return list(what_would_change(recorded(made)))


# -- what would change it ----------------------------------------------------------------------


def test_a_purchase_says_at_which_use_and_price_it_would_not_be_made() -> None:
    # 39.85 of 69.30 USD are 0.575 of use; a unit in full use pays up to 69.30 / 1.15 = 60.26.
    assert turns(situation((2 * DAY, 1.0))) == [
        "more than 1.58 times the traffic (unit 2 in use 0.58): buy 2 units",
        "less than 0.57 times the traffic (unit 1 in use 0.57): hold 0 units",
        "a unit price above 60.27 USD an hour (unit 1 in use 1.00): hold 0 units",
        "not a unit at half its price",
    ]


def test_a_hold_says_what_would_be_bought_for() -> None:
    # 0.5 units: 0.575 / 0.5 = 1.15 times as many, or a price of 0.5 x 69.30 / 1.15 = 30.13.
    lines = turns(situation((2 * DAY, 0.5)))

    assert lines[0] == "more than 1.15 times the traffic (unit 1 in use 0.58): buy 1 unit"
    assert lines[1] == "not down to a tenth of the traffic"
    assert lines[2] == "not a unit at three times its price"
    assert lines[3].startswith("a unit price below 30.1")


def test_a_release_says_from_which_use_on_it_would_be_kept() -> None:
    # Kept from 0.95 x 34.65 / 69.30 = 0.475 of use on; 0.4 is used: 1.19 times as much.
    lines = turns(situation((2 * DAY, 0.4), held=1))

    assert lines[0] == "more than 1.19 times the traffic (unit 1 in use 0.48): hold 1 unit"
    # 0.4 x 69.30 / 0.95 = 29.18.
    assert lines[3].startswith("a unit price below 29.1")


def test_without_a_price_only_traffic_is_varied() -> None:
    made = replace(
        situation((2 * DAY, 1.0)), target=build_target(provisioned=build_provisioned(price=None))
    )

    assert turns(made) == [
        "not up to three times the traffic",
        "not down to a tenth of the traffic",
    ]


def test_routing_decisions_are_not_varied() -> None:
    assert turns(replace(situation((2 * DAY, 1.0)), loop=Loop.ROUTING)) == []


# -- what was expected -------------------------------------------------------------------------


def test_units_are_told_with_their_use_worth_and_agreement() -> None:
    # The last hour says 2 units with 0.7 of the trust, the hour of yesterday 1 with 0.3.
    made = replace(
        situation((2 * DAY - 60, 1.0), (60, 2.0)),
        memory=trusting(last_hour=0.7, this_hour_yesterday=0.3),
    )

    lines = list(expected_lines(decide(made)))

    assert "trust in what was seen: last hour 0.70, this hour yesterday 0.30" in lines
    assert (
        "unit 1: in use 1.00, avoids 69.30 USD an hour (69.30 if it is held already); windows with "
        "100% of the trust say that it pays"
    ) in lines
    assert (
        "unit 2: in use 0.70, avoids 48.51 USD an hour (48.51 if it is held already); windows with "
        "70% of the trust say that it pays"
    ) in lines
    assert "a unit is bought from 39.85 USD an hour on and kept from 32.92" in lines


def test_each_number_is_told_once() -> None:
    decision = decide(situation((2 * DAY, 1.0)))

    lines = list(expected_lines(decision))

    assert not [line for line in lines if line.startswith(("weight", "worth of", "use of"))]
    assert "known minutes: 2,880" in lines
    assert len(lines) == len(set(lines))


def test_the_money_so_far_is_told_whether_gained_or_lost() -> None:
    decision = decide(situation((2 * DAY, 1.0)))
    for saved, told in ((1234.5, "have saved 1,234.50"), (-20.0, "have lost 20.00")):
        memory = replace(decision.memory, balance=Balance(traffic_usd=5000.0, saved_usd=saved))

        lines = list(expected_lines(replace(decision, memory=memory)))

        assert [line for line in lines if told in line and "traffic worth 5,000.00" in line]


def test_a_dearer_first_unit_is_told_apart() -> None:
    # A fourth release of the day is all that is left: 1.3 x 39.85.
    made = replace(situation((2 * DAY, 1.0)), fleet=build_fleet(releases_last_day=3))

    lines = list(expected_lines(decide(made)))

    assert [
        line
        for line in lines
        if "bought from 51.80 USD an hour on (those bought with it from 39.85)" in line
    ]


def test_what_a_late_purchase_must_be_worth_is_told() -> None:
    made = replace(situation((2 * DAY, 1.0)), fleet=build_fleet(purchases_last_day=3))

    lines = list(expected_lines(decide(made)))

    # Throttling costs 693.00 USD here: 0.4 x 3 / 6 x (693.00 - 34.65).
    assert (
        "purchases of the day run short: units that only avoid throttling must together be worth "
        "131.67 USD an hour above that"
    ) in lines
    assert not [line for line in lines if line.startswith("purchase is")]


def test_it_says_how_sure_it_is_and_how_often_that_held() -> None:
    decision = decide(situation((2 * DAY, 2.0)))
    seen = Calibration(until=NOW, within_80=0.79, within_95=0.94, judged=512.4)
    decision = replace(decision, memory=replace(decision.memory, calibration=seen))

    lines = list(expected_lines(decision))

    assert (
        "demand while a unit ordered now would serve: 2.00 units in half of the minutes or fewer, "
        "2.00 to 2.00 in 80% of them, 2.00 to 2.00 in 95%"
    ) in lines
    assert (
        "of 512 minutes judged lately 79% fell into the 80% interval, 94% into that of 95%" in lines
    )


def test_without_a_plan_what_is_known_is_told() -> None:
    made = replace(
        situation((2 * DAY, 1.0)), target=build_target(provisioned=build_provisioned(price=None))
    )

    lines = list(expected_lines(decide(made)))

    assert lines[0].startswith("class steady")
    assert not [
        line for line in lines if line.startswith(("unit ", "a unit", "units have", "trust"))
    ]


def test_the_argument_of_a_purchase_has_all_its_parts() -> None:
    sections = argue(recorded(situation((2 * DAY, 1.0))), Outcomes(purchases=(), releases=()))

    assert [section.heading for section in sections] == [
        "Seen",
        "Expected",
        "Alternatives for the coming billing period",
        "Because",
        "What would change it",
        "What came of it",
    ]
    table = next(section for section in sections if section.heading.startswith("Alternatives"))
    # Nothing held costs 69.30 on demand; one unit 34.65 and nothing else.
    assert table.lines[1].split()[:5] == ["0", "0.00", "69.30", "0.00", "69.30"]
    assert table.lines[2].split()[:5] == ["1", "34.65", "0.00", "0.00", "34.65"]
    assert "cheapest, decided" in table.lines[2]


def test_the_release_of_an_idle_unit_names_it() -> None:
    made = situation((3, 1.0), (2 * DAY, 0.0), held=1)

    because = argue(recorded(made), Outcomes(purchases=(), releases=()))[3]

    assert [line for line in because.lines if pt_arn(1) in line and line.startswith("release:")]
