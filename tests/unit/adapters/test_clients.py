import ast
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.model import ServiceModel

from bedrock_autoscaler import adapters
from bedrock_autoscaler.adapters.clients import REQUIRED, Clients, require
from bedrock_autoscaler.application.errors import ConfigurationError


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Clients:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "111122223333")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return Clients("us-east-1")


def model_without(service: str, operation: str, member: str | None = None) -> ServiceModel:
    """The service model of botocore with one operation, or one input member, taken away."""
    real = botocore.session.get_session().get_service_model(service)

    def operation_model(name: str) -> object:
        shape = real.operation_model(name).input_shape
        assert shape is not None
        members = {key: value for key, value in shape.members.items() if key != member}
        return SimpleNamespace(input_shape=SimpleNamespace(members=members))

    names = [name for name in real.operation_names if member or name != operation]
    model: Any = SimpleNamespace(operation_names=names, operation_model=operation_model)
    # A stand-in with the two members that are used.
    return model  # type: ignore[no-any-return]


BRIEF = {"events", "sns", "sts"}
"""Services that nothing waits for long."""


@pytest.mark.parametrize("service", sorted(BRIEF))
def test_what_is_not_waited_for_has_one_short_attempt(clients: Clients, service: str) -> None:
    config = getattr(clients, service)().meta.config

    assert (config.connect_timeout, config.read_timeout) == (1, 2)
    assert config.retries == {"total_max_attempts": 1, "mode": "standard"}


@pytest.mark.parametrize("service", sorted(REQUIRED.keys() - BRIEF))
def test_each_client_has_explicit_time_outs_and_three_attempts(
    clients: Clients, service: str
) -> None:
    config = getattr(clients, service.replace("-", "_"))().meta.config

    assert (config.connect_timeout, config.read_timeout) == (2, 5)
    assert config.retries == {"total_max_attempts": 3, "mode": "standard"}
    assert config.region_name == "us-east-1"


@pytest.mark.parametrize("service", sorted(REQUIRED))
def test_the_sdk_of_this_environment_knows_everything_that_is_used(service: str) -> None:
    require(service, botocore.session.get_session().get_service_model(service))


def test_an_operation_that_the_sdk_does_not_know_is_named() -> None:
    model = model_without("bedrock", "GetFoundationModel")

    with pytest.raises(ConfigurationError, match=r"does not know bedrock:GetFoundationModel;"):
        require("bedrock", model)


def test_an_input_member_that_the_sdk_does_not_know_is_named() -> None:
    model = model_without("ssm", "PutParameter", "Overwrite")

    with pytest.raises(ConfigurationError, match=r"botocore [0-9.]+ .*\(Overwrite\)"):
        require("ssm", model)


def test_every_call_that_an_adapter_makes_is_checked_at_the_cold_start() -> None:
    session = botocore.session.get_session()
    checked = {operation for operations in REQUIRED.values() for operation in operations}
    by_method = {
        xform_name(operation): operation
        for service in REQUIRED
        for operation in session.get_service_model(service).operation_names
    }

    called = {by_method[name] for name in names_called() if name in by_method}

    assert called - checked == set()
    assert "CreateProvisionedModelThroughput" in called
    assert "GetParametersByPath" in called  # through a paginator


OF_COMMANDS = {"stored_settings.py"}
"""Adapters that the command line alone uses, on whatever SDK a person has."""


def names_called() -> Iterator[str]:
    """Every method that a function's adapter calls, and every paginator that it asks for."""
    for path in Path(adapters.__path__[0]).rglob("*.py"):
        if path.name in OF_COMMANDS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                yield node.func.attr
                if node.func.attr == "get_paginator":
                    yield from (str(a.value) for a in node.args if isinstance(a, ast.Constant))
