"""What a person sees while the demo runs, in a log."""

from io import StringIO

from rich.console import Console

from bedrock_world.demo.display import Display


def test_a_log_names_a_stage_when_it_begins_and_its_time_when_it_ends() -> None:
    log = StringIO()

    with Display(Console(file=log)).stage("sam build"):
        begun = log.getvalue()

    assert begun == "sam build ...\n"
    assert log.getvalue().startswith("sam build ...\nsam build (")


def test_a_stage_that_shows_itself_is_not_named_when_it_begins() -> None:
    log = StringIO()

    with Display(Console(file=log)).stage("replay", has_own_view=True):
        assert not log.getvalue()
