"""The published table, found by the name of the stack."""

from bedrock_autoscaler.cli.app import run
from bedrock_autoscaler.client.document import routing_table_text
from tests.client.stage import route, table
from tests.operating.stage import Stage
from tests.world.support import NOVA_LITE


def test_a_stack_tells_prefix_and_region_of_its_tables(stage: Stage) -> None:
    stage.ssm.put_parameter(
        Name="/bedrock-autoscaler/routes/chat",
        Value=routing_table_text(table(route(NOVA_LITE))),
        Type="String",
    )

    shown = stage.told("routes", "show", "chat", "--prefix", "/elsewhere")

    assert shown.startswith("chat version 1 of ")
    assert NOVA_LITE in shown
    assert NOVA_LITE in stage.told("routes", "litellm", "chat")
    assert run(["routes", "show", "chat", "--prefix", "/elsewhere"]) == 2


def test_a_stack_without_such_a_table_is_named(stage: Stage) -> None:
    said = stage.refused("routes", "show", "other")
    assert "target 'other' is not in force; those that are: chat" in said

    said = stage.refused("routes", "show", "chat")
    assert "there is no routing table at stack test for 'chat'" in said
    assert run(["routes", "show", "other"]) == 2
    said = stage.capsys.readouterr().err
    assert "/bedrock-autoscaler/routes/other for 'other': it is no target, or nothing" in said


def test_a_target_in_a_spoke_is_shown_from_the_table_that_its_copy_is_made_of(
    stage: Stage,
) -> None:
    stage.access.tables_by(stage.ssm).publish(table(route(NOVA_LITE)))
    stage.capsys.readouterr()

    assert run(["routes", "show", "chat", "--stack", "test"]) == 0

    printed = stage.capsys.readouterr()
    assert printed.out.startswith("chat version 1 of ")
    assert NOVA_LITE in printed.out
    assert "no copy beside the stack" in printed.err
