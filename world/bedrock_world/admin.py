"""The world's own endpoints under `/_world/`: its clock, its switches, its faults, its books."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, timedelta
from typing import Annotated, Any, get_type_hints
from urllib.parse import parse_qsl

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from bedrock_world.errors import BedrockError
from bedrock_world.faults import Fault
from bedrock_world.gateway import Response
from bedrock_world.provisioned import PurchasePlan
from bedrock_world.runtime import MinuteOffer
from bedrock_world.shapes import iso_text
from bedrock_world.wire import Request, operations
from bedrock_world.world import World

PREFIX = "/_world/"
_Times = Annotated[int, Field(ge=1, le=1000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    start: AwareDatetime
    end: AwareDatetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _ClockMove:
    now: AwareDatetime | None = None
    advance_seconds: Annotated[float, Field(ge=0)] = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    id: str
    event: Annotated[str, Field(pattern="^(fail|vanish)$")]
    message: str = "The Bedrock world was told to let this PT fail."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outputs:
    output_tokens: tuple[Annotated[int, Field(ge=0)], ...]


def handle(world: World, request: Request) -> Response:
    """The answer to a request under `/_world/`, always JSON; 400 says what is wrong."""
    action = _ROUTES.get((request.method, request.raw_path.removeprefix(PREFIX)))
    if action is None:
        known = ", ".join(f"{method} {PREFIX}{path}" for method, path in sorted(_ROUTES))
        return _json(404, {"error": f"no such endpoint; there are: {known}"})
    try:
        return _json(200, action(world, request))
    except (ValidationError, ValueError, TypeError) as error:
        return _json(400, {"error": str(error)})
    except BedrockError as error:
        return _json(404, {"error": str(error)})


def _json(status: int, content: object) -> Response:
    body = json.dumps(content).encode()
    return Response(status=status, headers={"Content-Type": "application/json"}, body=body)


def _read[Body](kind: type[Body], request: Request) -> Body:
    """The body, or for a GET the query, as a `kind`, which must know every key."""
    raw = dict(parse_qsl(request.query)) if request.method == "GET" else _object(request)
    return _validated(kind, raw)


def _validated[Body](kind: type[Body], raw: dict[str, Any]) -> Body:
    unknown = raw.keys() - get_type_hints(kind).keys()
    if unknown:
        raise ValueError(f"unknown keys: {', '.join(sorted(unknown))}")
    body: Body = TypeAdapter(kind).validate_python(raw)
    return body


def _object(request: Request) -> dict[str, Any]:
    content = json.loads(request.body or b"{}")
    if not isinstance(content, dict):
        raise TypeError("the body must be a JSON object")
    return content


def _clock(world: World, request: Request) -> object:
    if request.method == "POST":
        move = _read(_ClockMove, request)
        world.advance_to(move.now or world.clock.now() + timedelta(seconds=move.advance_seconds))
    return {"now": iso_text(world.clock.now())}


def _settings(world: World, request: Request) -> object:
    if request.method == "PATCH":
        world.reconfigure(**_object(request))
    return json.loads(world.config.current.model_dump_json())


def _add_faults(world: World, request: Request) -> object:
    content = _object(request)
    times = TypeAdapter(_Times).validate_python(content.pop("times", 1))
    fault = _validated(Fault, content)
    if fault.operation not in operations():
        raise ValueError(f"unknown operation {fault.operation}")
    world.faults.add(fault, times)
    return {"planned": times}


def _clear_faults(world: World, _: Request) -> object:
    world.faults.clear()
    return {"planned": 0}


def _plan_purchase(world: World, request: Request) -> object:
    world.purchases.plans.append(_read(PurchasePlan, request))
    return {"plans": len(world.purchases.plans)}


def _disturb(world: World, request: Request) -> object:
    event = _read(_Event, request)
    with world.lock:
        if event.event == "fail":
            return {"arn": world.purchases.fail(event.id, event.message).arn}
        return {"arn": world.purchases.remove(event.id).arn}


def _plan_outputs(world: World, request: Request) -> object:
    world.inference.planned_outputs.extend(_read(_Outputs, request).output_tokens)
    return {"planned": len(world.inference.planned_outputs)}


def _offer(world: World, request: Request) -> object:
    result = world.offer_minute(_read(MinuteOffer, request))
    return {**asdict(result), "refused_by_code": result.refused_by_code()}


def _bill(world: World, request: Request) -> object:
    window = _read(_Window, request)
    bill = world.bill(window.start.astimezone(UTC), window.end.astimezone(UTC))
    return {
        "usd": None if bill.usd is None else str(bill.usd),
        "charges": [
            {**asdict(charge), "usd": None if charge.usd is None else str(charge.usd)}
            for charge in bill.charges
        ],
    }


def _traffic(world: World, request: Request) -> object:
    window = _read(_Window, request)
    return [
        {"model_id": model_id, "minute": iso_text(minute), **asdict(traffic)}
        for (model_id, minute), traffic in world.traffic(window.start, window.end).items()
    ]


_ROUTES: dict[tuple[str, str], Callable[[World, Request], object]] = {
    ("GET", "clock"): _clock,
    ("POST", "clock"): _clock,
    ("GET", "settings"): _settings,
    ("PATCH", "settings"): _settings,
    ("POST", "faults"): _add_faults,
    ("DELETE", "faults"): _clear_faults,
    ("POST", "plans"): _plan_purchase,
    ("POST", "provisioned"): _disturb,
    ("POST", "outputs"): _plan_outputs,
    ("POST", "offers"): _offer,
    ("GET", "billing"): _bill,
    ("GET", "traffic"): _traffic,
}
