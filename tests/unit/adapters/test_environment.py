from dataclasses import FrozenInstanceError

import pytest

from bedrock_autoscaler.adapters.environment import (
    FunctionEnvironment,
    RoutedEnvironment,
    account_of,
)
from bedrock_autoscaler.application.errors import ConfigurationError

VARIABLES = {
    "LEDGER_TABLE": "stack-LedgerTable-ABC",
    "ROUTES_TABLE": "stack-RoutesTable-ABC",
    "CONSENTS_TABLE": "stack-ConsentsTable-ABC",
    "SETTINGS_PREFIX": "/bedrock-autoscaler",
    "DEPLOYMENT": "bedrock-autoscaler",
    "CLOCK_ENDPOINT": "",
    "ALERT_TOPIC_ARN": "arn:aws:sns:us-east-1:111122223333:alerts",
    "EVENT_BUS": "bedrock-autoscaler",
    "LOG_LEVEL": "INFO",
    "AWS_REGION": "us-east-1",
}


def test_the_variables_become_one_frozen_value() -> None:
    environment = RoutedEnvironment.read(VARIABLES)

    assert environment == RoutedEnvironment(
        ledger_table="stack-LedgerTable-ABC",
        routes_table="stack-RoutesTable-ABC",
        consents_table="stack-ConsentsTable-ABC",
        settings_prefix="/bedrock-autoscaler",
        deployment="bedrock-autoscaler",
        clock_endpoint=None,
        alert_topic_arn="arn:aws:sns:us-east-1:111122223333:alerts",
        event_bus="bedrock-autoscaler",
        log_level="INFO",
        region="us-east-1",
        decision_minutes=5,
    )
    with pytest.raises(FrozenInstanceError):
        environment.region = "eu-west-1"  # type: ignore[misc] # the assignment under test


def test_the_process_s_own_variables_are_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)

    assert FunctionEnvironment.read() == FunctionEnvironment.read(VARIABLES)


def test_what_may_be_left_out_has_a_default() -> None:
    optional = {"CLOCK_ENDPOINT", "ALERT_TOPIC_ARN", "EVENT_BUS", "LOG_LEVEL", "ROUTES_TABLE"}
    variables = {name: value for name, value in VARIABLES.items() if name not in optional}

    environment = FunctionEnvironment.read(variables)

    assert environment.clock_endpoint is None
    assert (environment.alert_topic_arn, environment.event_bus) == (None, None)
    assert environment.log_level == "INFO"
    assert environment.decision_minutes == 5


def test_the_period_of_the_capacity_loop_comes_from_the_stack() -> None:
    environment = FunctionEnvironment.read(VARIABLES | {"CAPACITY_MINUTES": "30"})

    assert environment.decision_minutes == 30


def test_other_source_regions_are_sorted_and_the_own_one_is_none_of_them() -> None:
    named = {"SOURCE_REGIONS": "us-west-2,us-east-1,eu-west-1"}

    assert RoutedEnvironment.read(VARIABLES | named).source_regions == ("eu-west-1", "us-west-2")
    with pytest.raises(ConfigurationError, match="SOURCE_REGIONS is 'mars'"):
        RoutedEnvironment.read(VARIABLES | {"SOURCE_REGIONS": "mars"})


@pytest.mark.parametrize(
    "name", ["LEDGER_TABLE", "ROUTES_TABLE", "SETTINGS_PREFIX", "DEPLOYMENT", "AWS_REGION"]
)
def test_a_missing_variable_is_named(name: str) -> None:
    variables = {key: value for key, value in VARIABLES.items() if key != name}

    with pytest.raises(ConfigurationError, match=f"{name} is not set; allowed: "):
        RoutedEnvironment.read(variables)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LEDGER_TABLE", "a table"),
        ("ROUTES_TABLE", "x"),
        ("SETTINGS_PREFIX", "bedrock-autoscaler"),
        ("SETTINGS_PREFIX", "/bedrock-autoscaler/"),
        ("SETTINGS_PREFIX", "/"),
        ("DEPLOYMENT", "a b"),
        ("DEPLOYMENT", "x" * 129),
        ("ALERT_TOPIC_ARN", "alerts"),
        ("EVENT_BUS", "a bus"),
        ("LOG_LEVEL", "info"),
        ("LOG_LEVEL", "TRACE"),
        ("AWS_REGION", "Virginia"),
        ("CAPACITY_MINUTES", "0"),
        ("CAPACITY_MINUTES", "61"),
        ("CAPACITY_MINUTES", "fifteen"),
        ("CAPACITY_MINUTES", "\u0665"),  # a digit, but not an ASCII one
    ],
)
def test_a_malformed_variable_is_named_with_its_value(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        RoutedEnvironment.read(VARIABLES | {name: value})

    assert str(caught.value).startswith(f"{name} is {value[:100]!r}; allowed: ")


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://127.0.0.1:4800/now",
        "http://127.255.0.9:80",
        "http://localhost:4800",
        "http://[::1]:4800/",
    ],
)
def test_a_clock_on_loopback_is_accepted(endpoint: str) -> None:
    environment = FunctionEnvironment.read(VARIABLES | {"CLOCK_ENDPOINT": endpoint})

    assert environment.clock_endpoint == endpoint


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://10.0.0.1:4800",
        "http://0.0.0.0:4800",
        "http://127.0.0.1.example.com:80",
        "http://localhost.example.com:80",
        "http://localhost@example.com:80",
        "http://user@127.0.0.1:80",
        "https://127.0.0.1:4800",
        "ftp://127.0.0.1:4800",
        "127.0.0.1:4800",
        "http://127.0.0.1",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:4800?now=1",
        "http://[::1:4800",
        "http://169.254.169.254:80",
        " ",
    ],
)
def test_any_other_clock_is_refused(endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match=r"CLOCK_ENDPOINT .*loopback"):
        FunctionEnvironment.read(VARIABLES | {"CLOCK_ENDPOINT": endpoint})


def test_the_account_is_in_the_function_s_own_arn() -> None:
    arn = "arn:aws:lambda:us-east-1:111122223333:function:stack-purchase:live"

    assert account_of(arn) == "111122223333"


def test_another_arn_has_no_account_for_us() -> None:
    with pytest.raises(ConfigurationError, match="function's ARN"):
        account_of("arn:aws:s3:::bucket")


SPOKES = {
    "SPOKE_ACCOUNTS": "000011112222,999988887777",
    "SPOKE_REGIONS": "us-east-1,us-west-2",
    "SPOKE_ROLE": "prod-spoke-reader",
    "SPOKE_EXTERNAL_ID": "words-of-ours",
}


def test_every_account_is_managed_in_every_region_that_is_listed() -> None:
    environment = RoutedEnvironment.read(VARIABLES | SPOKES)

    assert {place.name for place in environment.elsewhere} == {
        "000011112222/us-east-1",
        "000011112222/us-west-2",
        "999988887777/us-east-1",
        "999988887777/us-west-2",
    }
    assert environment.spoke_role == "prod-spoke-reader"
    assert environment.spoke_external_id == "words-of-ours"


def test_whether_targets_are_handed_out_comes_from_the_stack() -> None:
    assert not RoutedEnvironment.read(VARIABLES).fans_out
    assert RoutedEnvironment.read(VARIABLES | {"FAN_OUT": "on"}).fans_out
    with pytest.raises(ConfigurationError, match="FAN_OUT is 'perhaps'"):
        RoutedEnvironment.read(VARIABLES | {"FAN_OUT": "perhaps"})


@pytest.mark.parametrize("name", ["SPOKE_ACCOUNTS", "SPOKE_REGIONS"])
def test_without_accounts_or_regions_nothing_lies_elsewhere(name: str) -> None:
    assert RoutedEnvironment.read(VARIABLES | SPOKES | {name: ""}).elsewhere == frozenset()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SPOKE_ACCOUNTS", "000011112222,1234"),
        ("SPOKE_REGIONS", "us-east-1,everywhere"),
        ("SPOKE_ROLE", "a role"),
        ("SPOKE_EXTERNAL_ID", "?"),
    ],
)
def test_a_malformed_spoke_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} is "):
        RoutedEnvironment.read(VARIABLES | SPOKES | {name: value})
