"""`verify`, `adopt` and `reset-breaker` over the real adapters, on moto and the Bedrock world."""

import json

import boto3
import pytest
import typer

from bedrock_autoscaler.cli.app import run
from bedrock_autoscaler.cli.output import CommandError
from bedrock_autoscaler.cli.stack import find_stack, place_of
from bedrock_autoscaler.domain.fleet.intent import PurchaseState
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import ACCOUNT, NOW, PT_MODEL, REGION
from tests.functions.account import DEPLOYMENT, Account
from tests.functions.life import LIFE
from tests.functions.stacks import OUTPUTS, by_the_rules

TAGS = {
    "bedrock-autoscaler:deployment": DEPLOYMENT,
    "bedrock-autoscaler:target": "chat",
    "bedrock-autoscaler:decision": "chat-capacity-20261119T120000Z",
}


@pytest.fixture
def account(deployed_account: Account) -> Account:
    """A deployed stack, whose clock is the world's, on loopback."""
    return deployed_account


def verified(capsys: pytest.CaptureFixture[str], status: int) -> list[tuple[str, str]]:
    """(oracle, severity) of each finding, and the exit status as expected."""
    capsys.readouterr()
    assert run(["verify", "--stack", DEPLOYMENT, "--output", "json"]) == status
    found = json.loads(capsys.readouterr().out)["findings"]
    return [(one["oracle"], one["severity"]) for one in found]


def buy_without_record() -> str:
    """A throughput with the stack's tags that the ledger has no record of."""
    answer = boto3.client("bedrock", region_name=REGION).create_provisioned_model_throughput(
        modelUnits=1,
        provisionedModelName="chat-capacity-20261119T120000Z-abcd",
        modelId=PT_MODEL,
        tags=[{"key": key, "value": value} for key, value in TAGS.items()],
    )
    return answer["provisionedModelArn"]


def test_a_sound_stack_verifies_and_nothing_is_written(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    by_the_rules(account)
    for loop in ("routing", "capacity"):
        account.run("observe_decide", loop=loop)
    account.run("publish")
    before = account.stored()
    capsys.readouterr()

    assert run(["verify", "--stack", DEPLOYMENT]) == 0

    assert account.stored() == before
    assert capsys.readouterr().out == (
        "1 target, 0 provisioned throughputs: 0 violations, 0 notices\n"
    )


def test_a_whole_life_leaves_no_finding_but_that_a_script_decided(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    for position, step in enumerate(LIFE):
        step.before(account)
        step.run(account)
        # Once the scripted core has decided, that does not replay by the rules; all else holds.
        found = verified(capsys, 1 if position else 0)
        assert {oracle for oracle, _ in found} == ({"O14"} if position else set())


def test_a_broken_promise_is_status_1(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    by_the_rules(account)
    account.run("publish")
    arn = buy_without_record()

    assert verified(capsys, 1) == [("O10", "violation")]
    assert run(["verify", "--stack", DEPLOYMENT]) == 1
    printed = capsys.readouterr().out
    assert f"foreign     1 unit    chat             {arn}\n" in printed
    assert f"violation O10  chat             {arn} carries our tag" in printed
    assert printed.endswith("1 violation, 0 notices\n")


def test_a_person_adopts_what_the_ledger_lost(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    by_the_rules(account)
    account.run("publish")
    arn = buy_without_record()
    account.move(16 * MINUTE)

    status = run(["adopt", arn, "--target", "chat", "--by", "jane", "--stack", DEPLOYMENT, "--yes"])

    assert status == 0
    assert capsys.readouterr().out.endswith("adopted\n")
    assert verified(capsys, 0) == []
    account.run("purchase")
    (intent,) = account.ledger().purchases
    assert (intent.state, intent.arn) == (PurchaseState.IN_SERVICE, arn)
    assert intent.detail == "adopted by jane"


def test_an_adoption_asks_first(
    account: Account, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = buy_without_record()
    monkeypatch.setattr("builtins.input", lambda *_: "n")
    monkeypatch.setattr("typer.confirm", _declined)

    status = run(["adopt", arn, "--target", "chat", "--by", "jane", "--stack", DEPLOYMENT])

    assert status == 130
    assert "1 unit of" in capsys.readouterr().out
    assert account.ledger().purchases == ()


def _declined(text: str, *, abort: bool) -> None:
    assert (text, abort) == ("Go on?", True)
    raise typer.Abort


def test_what_cannot_be_adopted_is_said_in_one_line(
    account: Account, capsys: pytest.CaptureFixture[str]
) -> None:
    arn = f"arn:aws:bedrock:{REGION}:{ACCOUNT}:provisioned-model/abcdefabcdef"
    command = ["adopt", arn, "--by", "jane", "--stack", DEPLOYMENT, "--yes", "--target"]

    assert run([*command, "chat"]) == 2
    assert "does not exist" in capsys.readouterr().err
    assert run([*command, "email"]) == 2
    assert "target 'email' is not in force; those that are: chat" in capsys.readouterr().err


def test_a_person_resets_the_breaker(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    assert account.fleets is not None
    command = ["reset-breaker", "--target", "chat", "--stack", DEPLOYMENT, "--yes"]
    assert run(command) == 2
    assert "has not tripped" in capsys.readouterr().err
    assert run([*command, "--target", "nope"]) == 2
    assert "target 'nope' is not in force; those that are: chat" in capsys.readouterr().err
    account.fleets.trip(account.fleets.record_of("chat"), NOW, "a seventh purchase")

    assert run(command) == 0

    assert "a seventh purchase" in capsys.readouterr().out
    assert account.fleets.record_of("chat").tripped_at is None


def test_a_stack_that_is_not_there_or_not_ours_is_refused(account: Account) -> None:
    with pytest.raises(CommandError, match="stack 'none' cannot be read"):
        find_stack("none")
    with pytest.raises(CommandError, match="no output LedgerTableName, RoutesTableName"):
        find_stack("other")


def test_a_description_without_a_stack_id_is_refused() -> None:
    outputs = [{"OutputKey": key, "OutputValue": "x"} for key in OUTPUTS]

    with pytest.raises(CommandError, match="no stack id"):
        place_of("test", {"StackId": "test", "Outputs": outputs})
