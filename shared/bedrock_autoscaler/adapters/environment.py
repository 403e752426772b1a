"""The environment of a function as a frozen value; the only reader of `os.environ`."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Self, override
from urllib.parse import urlsplit

from bedrock_autoscaler.application.errors import ConfigurationError
from bedrock_autoscaler.application.fleets.places import Place

_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_PREFIX = re.compile(r"(/[A-Za-z0-9_.-]+){1,10}")
_DEPLOYMENT = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}")
_BUS = re.compile(r"[A-Za-z0-9._/-]{1,256}")
_FUNCTION = re.compile(r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:([0-9]{12}):function:.+")
_QUEUE = re.compile(r"https?://[A-Za-z0-9.:-]+/[0-9]{12}/[A-Za-z0-9_-]+\.fifo")
_ACCOUNT = re.compile(r"[0-9]{12}")
_ROLE = re.compile(r"[A-Za-z0-9+=,.@_-]{1,64}")
_EXTERNAL_ID = re.compile(r"[A-Za-z0-9+=,.@:/_-]{2,1224}")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_MAX_PERIOD = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionEnvironment:
    """What every function needs.

    Attributes:
        ledger_table: name of the DynamoDB table with decisions, intents and history.
        settings_prefix: SSM path without a trailing slash, above `settings`, `switch`, `routes`.
        deployment: id of this deployment in tags and metrics: the stack's name.
        clock_endpoint: loopback URL of a virtual clock; None: the system's clock.
        alert_topic_arn: SNS topic for people; None: none.
        event_bus: name of the event bus for decisions and changes; None: none.
        log_level: least level that is logged.
        region: the Region of the stack.
        decision_minutes: period of the capacity loop; 5 where `CAPACITY_MINUTES` is not set.
    """

    ledger_table: str
    settings_prefix: str
    deployment: str
    clock_endpoint: str | None
    alert_topic_arn: str | None
    event_bus: str | None
    log_level: str
    region: str
    decision_minutes: int

    @classmethod
    def read(cls, variables: Mapping[str, str] | None = None) -> Self:
        """The values of `variables`, by default those of the process.

        Raises:
            ConfigurationError: a variable is missing or malformed; it names the variable and
                what is allowed.
        """
        return cls(**cls._values(os.environ if variables is None else variables))

    @classmethod
    def _values(cls, variables: Mapping[str, str]) -> dict[str, Any]:
        return _common(variables)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutedEnvironment(FunctionEnvironment):
    """What a function needs that reads or publishes routing tables.

    Attributes:
        routes_table: name of the DynamoDB table with the routing tables in force.
        consents_table: of the table where persons put consents to commitments; None without.
        work_queue_url: of the queue between dispatcher and workers; None but for the dispatcher.
        source_regions: Regions besides its own whose metrics are read, sorted.
        elsewhere: the accounts and Regions beside the stack's own whose targets are managed.
        spoke_role: name of the role that this function assumes there; None: it goes nowhere.
        spoke_external_id: that the roles' trust asks for.
        fans_out: whether a dispatcher hands targets to workers.
    """

    routes_table: str
    consents_table: str | None
    work_queue_url: str | None = None
    source_regions: tuple[str, ...] = ()
    elsewhere: frozenset[Place] = frozenset()
    spoke_role: str | None = None
    spoke_external_id: str | None = None
    fans_out: bool = False

    @classmethod
    @override
    def _values(cls, variables: Mapping[str, str]) -> dict[str, Any]:
        routes = _matching(variables, "ROUTES_TABLE", _TABLE, "a table's name")
        consents = _optional(variables, "CONSENTS_TABLE", _TABLE, "a table's name")
        queue = _optional(variables, "WORK_QUEUE_URL", _QUEUE, "a FIFO queue's URL")
        return _common(variables) | {
            "routes_table": routes,
            "consents_table": consents,
            "work_queue_url": queue,
            "source_regions": _source_regions(variables),
            "elsewhere": places_of(
                variables.get("SPOKE_ACCOUNTS", ""), variables.get("SPOKE_REGIONS", "")
            ),
            "spoke_role": _optional(variables, "SPOKE_ROLE", _ROLE, "a role's name"),
            "spoke_external_id": _optional(
                variables, "SPOKE_EXTERNAL_ID", _EXTERNAL_ID, "an external id"
            ),
            "fans_out": _fans_out(variables),
        }


def _fans_out(variables: Mapping[str, str]) -> bool:
    value = variables.get("FAN_OUT", "") or "off"
    if value not in {"on", "off"}:
        raise _refused("FAN_OUT", value, "on or off")
    return value == "on"


def places_of(accounts: str, regions: str) -> frozenset[Place]:
    """Every account of one list in every Region of the other, both with commas.

    Raises:
        ConfigurationError: an account or Region is malformed.
    """
    found = [name for name in accounts.split(",") if name]
    for account in found:
        if not _ACCOUNT.fullmatch(account):
            raise _refused("SPOKE_ACCOUNTS", account, f"accounts ({_ACCOUNT.pattern})")
    known = [name for name in regions.split(",") if name]
    for region in known:
        if not _REGION.fullmatch(region):
            raise _refused("SPOKE_REGIONS", region, f"Regions ({_REGION.pattern})")
    return frozenset(Place(account=account, region=region) for account in found for region in known)


def account_of(function_arn: str) -> str:
    """The account in a function's own ARN, as its invocation context has it.

    Raises:
        ConfigurationError: this is no function's ARN.
    """
    match = _FUNCTION.fullmatch(function_arn)
    if match is None:
        raise _refused(
            "the function's ARN", function_arn, "arn:aws:lambda:Region:account:function:x"
        )
    return match.group(1)


def _common(variables: Mapping[str, str]) -> dict[str, Any]:
    level = variables.get("LOG_LEVEL", "") or "INFO"
    if level not in _LEVELS:
        raise _refused("LOG_LEVEL", level, f"one of {', '.join(_LEVELS)}")
    has_topic = bool(variables.get("ALERT_TOPIC_ARN"))
    topic = _matching(variables, "ALERT_TOPIC_ARN", _TOPIC, "a topic's ARN") if has_topic else None
    has_bus = bool(variables.get("EVENT_BUS"))
    bus = _matching(variables, "EVENT_BUS", _BUS, "an event bus's name") if has_bus else None
    prefix = _matching(variables, "SETTINGS_PREFIX", _PREFIX, "a path such as /bedrock-autoscaler")
    return {
        "ledger_table": _matching(variables, "LEDGER_TABLE", _TABLE, "a table's name"),
        "settings_prefix": prefix,
        "deployment": _matching(variables, "DEPLOYMENT", _DEPLOYMENT, "a stack's name"),
        "clock_endpoint": _loopback(variables.get("CLOCK_ENDPOINT", "")),
        "alert_topic_arn": topic,
        "event_bus": bus,
        "log_level": level,
        "region": _matching(variables, "AWS_REGION", _REGION, "a Region such as us-east-1"),
        "decision_minutes": _minutes(variables),
    }


def _minutes(variables: Mapping[str, str]) -> int:
    text = variables.get("CAPACITY_MINUTES", "") or "5"
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _MAX_PERIOD):
        allowed = f"a whole number of minutes from 1 to {_MAX_PERIOD}"
        raise _refused("CAPACITY_MINUTES", text, allowed)
    return int(text)


def _source_regions(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Those that are named, without the stack's own."""
    named = {name for name in variables.get("SOURCE_REGIONS", "").split(",") if name}
    for name in sorted(named):
        if not _REGION.fullmatch(name):
            raise _refused("SOURCE_REGIONS", name, f"Regions ({_REGION.pattern})")
    return tuple(sorted(named - {variables.get("AWS_REGION", "")}))


def _matching(
    variables: Mapping[str, str], name: str, pattern: re.Pattern[str], allowed: str
) -> str:
    value = variables.get(name, "")
    if not pattern.fullmatch(value):
        raise _refused(name, value, f"{allowed} ({pattern.pattern})")
    return value


def _optional(
    variables: Mapping[str, str], name: str, pattern: re.Pattern[str], allowed: str
) -> str | None:
    return _matching(variables, name, pattern, allowed) if variables.get(name) else None


def _loopback(endpoint: str) -> str | None:
    """The clock's URL; a clock that is not on this machine could be anybody's."""
    if not endpoint:
        return None
    allowed = "nothing, or an http URL with a port on a loopback address"
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname or "", parts.port
        is_loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError as error:
        raise _refused("CLOCK_ENDPOINT", endpoint, allowed) from error
    is_plain = parts.scheme == "http" and not (parts.username or parts.query or parts.fragment)
    if not is_loopback or not is_plain or port is None:
        raise _refused("CLOCK_ENDPOINT", endpoint, allowed)
    return endpoint


def _refused(name: str, value: str, allowed: str) -> ConfigurationError:
    stated = f"is {value[:100]!r}" if value else "is not set"
    return ConfigurationError(f"{name} {stated}; allowed: {allowed}")
