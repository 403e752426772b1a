"""What a person's hand on the lever has set, and by whom."""

from typing import Any

import pytest
import typer

from bedrock_autoscaler.domain.acting.controls import Controls
from tests.functions.account import PREFIX
from tests.operating.stage import Stage

ME = "arn:aws:sts::123456789012:user/moto"


def controls(stage: Stage) -> Controls:
    """What is in force for the target."""
    return stage.access.target("chat").controls


def open_switch(stage: Stage) -> None:
    stage.ssm.put_parameter(Name=f"{PREFIX}/switch", Value="allow", Type="String")


def answering(monkeypatch: pytest.MonkeyPatch, *, says_yes: bool) -> list[str]:
    """The questions that a person answers, always in this way."""
    asked: list[str] = []

    def answer(text: str, **_: Any) -> bool:
        asked.append(text)
        if not says_yes:
            raise typer.Abort
        return True

    monkeypatch.setattr("typer.confirm", answer)
    return asked
