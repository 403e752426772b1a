from pathlib import Path

import pytest

from bedrock_autoscaler.adapters.documents import TargetDocuments
from bedrock_autoscaler.adapters.models import load_models
from bedrock_autoscaler.adapters.prices import load_prices
from bedrock_autoscaler.domain.target import Mode, Target

EXAMPLES = Path(__file__).parents[3] / "examples" / "settings"


@pytest.fixture
def parser() -> TargetDocuments:
    return TargetDocuments(load_prices(), load_models().variants_of)


def example(name: str) -> str:
    return (EXAMPLES / f"{name}.json").read_text(encoding="utf-8")


def test_the_example_s_defaults_are_accepted(parser: TargetDocuments) -> None:
    assert parser.check_defaults(example("defaults")) is None


def test_the_example_is_a_target_whose_every_figure_is_known(parser: TargetDocuments) -> None:
    target = parser.parse("chat", example("defaults"), example("chat"))

    assert isinstance(target, Target)
    assert target.mode is Mode.ADVISE
    assert target.guard_rails.max_units == 2
    assert target.provisioned is not None
    assert target.provisioned.unit_rate is not None
    assert target.provisioned.price is not None
    assert all(option.price and option.quota for option in target.options)
