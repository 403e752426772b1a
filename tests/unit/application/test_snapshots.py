"""Settings read each tick, and worked out only when they changed."""

import pytest

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.ports.settings import Parameters, Settings, SettingsProblem
from bedrock_autoscaler.application.settings.snapshots import SettingsReader
from tests.builders import build_target
from tests.fakes.memory_settings import MemoryParameters


class Loader:
    """Makes a target of each document; one that says `bad` is a problem."""

    def __init__(self) -> None:
        self.loads = 0

    def __call__(self, parameters: Parameters) -> Settings:
        self.loads += 1
        texts = parameters.documents().texts
        return Settings(
            targets=tuple(build_target(name=name) for name, text in texts.items() if text != "bad"),
            problems=tuple(
                SettingsProblem(document=name, field="", message=text)
                for name, text in texts.items()
                if text == "bad"
            ),
        )


def test_unchanged_documents_are_worked_out_once() -> None:
    loader = Loader()
    read = SettingsReader(MemoryParameters({"chat": "{}"}), loader)

    first, second = read(), read()

    assert loader.loads == 1
    assert first == second == Settings(targets=(build_target(),), problems=())


@pytest.mark.parametrize("texts", [{"chat": "{ }"}, {}, {"chat": "{}", "search": "{}"}])
def test_a_changed_new_or_missing_document_takes_effect_at_once(texts: dict[str, str]) -> None:
    parameters = MemoryParameters({"chat": "{}"})
    read = SettingsReader(parameters, Loader())
    read()
    parameters.texts = texts

    assert [target.name for target in read().targets] == sorted(texts)


def test_a_problem_is_worked_out_and_told_on_every_tick() -> None:
    loader = Loader()
    parameters = MemoryParameters({"chat": "bad"})
    read = SettingsReader(parameters, loader)

    assert read().problems == read().problems != ()
    assert loader.loads == 2
    parameters.texts = {"chat": "{}"}
    assert read().problems == ()


def test_a_document_that_was_good_bad_and_good_again_is_in_force() -> None:
    parameters = MemoryParameters({"chat": "{}"})
    read = SettingsReader(parameters, Loader())
    read()
    parameters.texts = {"chat": "bad"}
    assert read().problems
    parameters.texts = {"chat": "{}"}

    assert read() == Settings(targets=(build_target(),), problems=())


def test_unreadable_documents_are_an_error_even_when_they_are_remembered() -> None:
    parameters = MemoryParameters({"chat": "{}"})
    read = SettingsReader(parameters, Loader())
    read()
    parameters.fail_next(ObservationError("SSM is down"), method="documents")

    with pytest.raises(ObservationError, match="SSM"):
        read()
