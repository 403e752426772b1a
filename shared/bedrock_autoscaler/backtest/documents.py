"""Reads and writes the JSON documents of the backtest contract, strictly."""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, NoReturn

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bedrock_autoscaler.backtest.errors import (
    InputError,
    ScenarioError,
    SettingsError,
)
from bedrock_autoscaler.backtest.scenario import Scenario
from bedrock_autoscaler.backtest.timeline import TimelineLine
from bedrock_autoscaler.backtest.trace import MOST_AMOUNT


def _whole(value: object) -> object:
    """A JSON number such as 15.0 is as whole as 15."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_LEAST, _MOST = 1e-12, MOST_AMOUNT
"""Amounts beyond these are slips, and their products may be too large for a number."""


def _in_bounds(value: float) -> float:
    if value and not _LEAST <= value <= _MOST:
        raise ValueError(f"must be from {_LEAST:g} to {_MOST:g}")
    return value


type _Amount = Annotated[float, Field(ge=0), AfterValidator(_in_bounds)]
type _Positive = Annotated[float, Field(gt=0), AfterValidator(_in_bounds)]
type _Minutes = Annotated[int, BeforeValidator(_whole), Field(ge=0, le=525_600)]


class _Document(BaseModel):
    """Strict: no unknown key, no conversion, no NaN or infinity."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class _ScenarioDocument(_Document):
    tokens_per_unit: _Positive
    unit_hour: _Positive
    input_1k: _Amount
    output_1k: _Amount
    output_weight: _Amount = 1.0
    unit_hour_1m: _Positive | None = None
    unit_hour_6m: _Positive | None = None
    on_demand_tpm: _Amount | None = None
    on_demand_rpm: _Amount | None = None
    cross_region_factor: _Amount = 0.0
    cross_region_price: _Amount = 1.0
    creation_minutes: _Minutes = 15
    billing_minutes: Annotated[_Minutes, Field(ge=1)] = 60
    throttle_factor: _Amount = 10.0
    overflow: bool = True
    extra: dict[str, object] = Field(default_factory=dict)


def read_scenario(path: Path) -> Scenario:
    """The scenario in a JSON file.

    Raises:
        ScenarioError: the file cannot be read, is not JSON, or has an unknown key or a value
            that is not allowed.
    """
    text = _text(path, ScenarioError)
    try:
        document = _ScenarioDocument.model_validate(_parsed(text))
    except ValidationError as error:
        key, reason = _first_fault(error)
        raise ScenarioError(path, _line_of(text, key), reason) from error
    except (ValueError, RecursionError) as error:
        raise ScenarioError(path, _json_line(error), _json_reason(error)) from error
    return Scenario(**document.model_dump(exclude={"extra"}))


def read_settings(path: Path) -> dict[str, object]:
    """The settings document in a JSON file, not yet understood.

    Raises:
        SettingsError: the file cannot be read, or holds no JSON object.
    """
    try:
        document = _parsed(_text(path, SettingsError))
    except (ValueError, RecursionError) as error:
        raise SettingsError(path, _json_line(error), _json_reason(error)) from error
    if not isinstance(document, dict):
        raise SettingsError(path, 1, "the settings must be a JSON object")
    return document


def timeline_text(lines: Iterable[TimelineLine]) -> str:
    """JSON lines in the key order of the contract; the same timeline gives the same text."""
    return "".join(f"{json.dumps(line.to_document(), allow_nan=False)}\n" for line in lines)


def document_text(document: Mapping[str, object]) -> str:
    """One JSON document, indented, keys in the order given, with a final line break.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _text(path: Path, error_class: type[InputError]) -> str:
    """The text of a file.

    Raises:
        InputError: of the given class; the file cannot be read or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = bytes(error.object).count(b"\n", 0, error.start) + 1
        raise error_class(path, line, "the text is not UTF-8") from error
    except OSError as error:
        raise error_class(path, None, f"cannot be read: {error.strerror or error}") from error


def _parsed(text: str) -> object:
    """JSON without the liberties of Python's parser.

    Raises:
        ValueError: not JSON, a doubled key, or NaN or an infinity.
    """
    document: object = json.loads(
        text,
        parse_constant=_refuse_constant,
        parse_float=_finite,
        object_pairs_hook=_without_doubles,
    )
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number that JSON allows")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large to be a finite number")
    return value


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) != len(pairs):
        keys = [key for key, _ in pairs]
        doubled = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"key {doubled!r} is given twice")
    return document


def _json_line(error: BaseException) -> int:
    """The line that a JSON error names; 1 where it names none."""
    return error.lineno if isinstance(error, json.JSONDecodeError) else 1


def _json_reason(error: BaseException) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} at column {error.colno}"
    if isinstance(error, RecursionError):
        return "not usable: nested too deeply"
    return str(error)


def _first_fault(error: ValidationError) -> tuple[str, str]:
    """The first key at fault, and one line on it; an unknown key explains a missing one."""
    faults = error.errors(include_url=False, include_context=False)
    fault = next((item for item in faults if item["type"] == "extra_forbidden"), faults[0])
    path = ".".join(str(part) for part in fault["loc"] if part != "[key]")
    key = str(fault["loc"][0]) if fault["loc"] else ""
    if fault["type"] == "extra_forbidden":
        return key, f"unknown key {path!r}"
    if fault["type"] == "missing":
        return key, f"key {path!r} is required"
    if not path:
        return key, "must be a JSON object"
    reason = fault["msg"].removeprefix("Value error, ")
    return key, f"{path} is {_shown(fault['input'])}: {reason[:1].lower()}{reason[1:]}"


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:60]}..."  # noqa: PLR2004 - fits one line


def _line_of(text: str, key: str) -> int:
    """The line on which a key of a document is written; 1 where it is not."""
    position = text.find(json.dumps(key, ensure_ascii=False))
    return text.count("\n", 0, max(position, 0)) + 1
