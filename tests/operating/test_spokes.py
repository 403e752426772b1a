"""What a person sees of targets in other accounts, with and without credentials there."""

import pytest

from tests.operating.stage import DOCUMENT, Stage

AWAY = "222222222222"
PLACE = f"{AWAY}/us-west-2"


@pytest.fixture
def spread(stage: Stage) -> Stage:
    """A target in a spoke's account beside the one at home."""
    stage.stacks.parameters |= {
        "FanOut": "on",
        "SpokeAccounts": AWAY,
        "SpokeRegions": "us-west-2",
    }
    stage.put("targets/away", DOCUMENT | {"account": AWAY, "region": "us-west-2"})
    return stage


def test_verify_names_the_places_that_it_could_not_look_at(spread: Stage) -> None:
    said = spread.told("verify")

    assert f"not looked at: {PLACE}; name a profile" in said
    assert spread.json("verify")["not_looked_at"] == [PLACE]


def test_a_profile_that_is_not_there_is_refused(spread: Stage) -> None:
    assert "profile 'none'" in spread.refused("verify", "--account", f"{AWAY}=none")


@pytest.mark.parametrize("wrong", [AWAY, f"{AWAY}=", "spoke=profile", "1=2"])
def test_an_account_is_given_with_its_profile(stage: Stage, wrong: str) -> None:
    assert "111122223333=PROFILE" in stage.refused("verify", "--account", wrong)


def test_a_profile_for_an_account_without_anything_of_the_stack_is_refused(stage: Stage) -> None:
    refusal = stage.refused("verify", "--account", "444455556666=somebody")

    assert refusal == (
        "bedrock-autoscaler: --account 444455556666: the stack has no target and holds nothing "
        "there; its accounts are 111122223333\n"
    )
