"""The wire format of the three services, generated from botocore's service models."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

from bedrock_world.errors import (
    PROTOCOL_ERRORS,
    UNMODELLED_ERRORS,
    BedrockError,
    DriftError,
)
from bedrock_world.shapes import ShapeWalk, Wire, wire_name

# What the world models. Anything else of these services is refused loudly.
OPERATIONS: dict[str, tuple[str, ...]] = {
    "bedrock": (
        "CreateCustomModelDeployment",
        "CreateInferenceProfile",
        "CreateModelInvocationJob",
        "CreateProvisionedModelThroughput",
        "DeleteCustomModelDeployment",
        "DeleteInferenceProfile",
        "DeleteProvisionedModelThroughput",
        "GetCustomModelDeployment",
        "GetFoundationModel",
        "GetImportedModel",
        "GetInferenceProfile",
        "GetMarketplaceModelEndpoint",
        "GetModelInvocationJob",
        "GetProvisionedModelThroughput",
        "ListFoundationModels",
        "ListInferenceProfiles",
        "ListModelInvocationJobs",
        "ListProvisionedModelThroughputs",
        "ListTagsForResource",
        "TagResource",
        "UntagResource",
        "UpdateMarketplaceModelEndpoint",
        "UpdateProvisionedModelThroughput",
    ),
    "bedrock-runtime": (
        "Converse",
        "ConverseStream",
        "InvokeModel",
        "InvokeModelWithResponseStream",
    ),
    "service-quotas": (
        "GetAWSDefaultServiceQuota",
        "GetServiceQuota",
        "ListAWSDefaultServiceQuotas",
        "ListServiceQuotas",
    ),
}

# The code for a request that breaks its shape, where it is not `ValidationException`.
_BREACHES = {"service-quotas": "IllegalArgumentException"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request; header names in lower case, the path still percent-encoded."""

    method: str
    raw_path: str
    query: str = ""
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One modelled operation and how it travels."""

    service: str
    model: OperationModel

    @property
    def name(self) -> str:
        """The operation's name, which no other of the three services has."""
        return self.model.name

    @cached_property
    def path(self) -> re.Pattern[str]:
        """The request path, with a group per label."""
        template: str = self.model.http["requestUri"]
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template) + "/?")

    @cached_property
    def error_statuses(self) -> dict[str, int]:
        """HTTP status by modelled error code."""
        return {
            shape.name: shape.metadata.get("error", {}).get("httpStatusCode", _default(shape))
            for shape in self.model.error_shapes
        }

    @cached_property
    def input_by_location(self) -> dict[str, dict[str, tuple[str, Shape]]]:
        """Location to wire name to (member name, shape); the location of body members is `body`."""
        located: dict[str, dict[str, tuple[str, Shape]]] = {}
        shape = self.model.input_shape
        for name, member in shape.members.items() if shape else ():
            location = member.serialization.get("location", "body")
            key = name if location == "uri" else wire_name(member, name)
            located.setdefault(location, {})[key] = (name, member)
        return located


def _default(error: Shape) -> int:
    """The status of an error shape that names none, as in the JSON protocol."""
    return 500 if error.metadata.get("fault") else 400


@cache
def service_model(service: str) -> ServiceModel:
    """The SDK's own model of the service."""
    loaded = Loader(include_default_search_paths=True).load_service_model(service, "service-2")
    return ServiceModel(loaded, service_name=service)


@cache
def operations() -> dict[str, Operation]:
    """Every modelled operation by name."""
    return {
        name: Operation(service=service, model=service_model(service).operation_model(name))
        for service, names in OPERATIONS.items()
        for name in names
    }


@cache
def _targets() -> dict[str, Operation]:
    return {
        f"{operation.model.service_model.metadata['targetPrefix']}.{operation.name}": operation
        for operation in operations().values()
        if operation.service == "service-quotas"
    }


def route(request: Request) -> tuple[Operation, dict[str, str]]:
    """The operation a request asks for, and the labels of its path, decoded.

    Raises:
        BedrockError: no modelled operation has this method and path.
    """
    target = request.headers.get("x-amz-target")
    if target in _targets():
        return _targets()[target], {}
    for operation in operations().values():
        if (
            operation.service == "service-quotas"
            or operation.model.http["method"] != request.method
        ):
            continue
        match = operation.path.fullmatch(request.raw_path)
        if match:
            return operation, {name: unquote(text) for name, text in match.groupdict().items()}
    raise BedrockError(
        "UnknownOperationException",
        f"the Bedrock world models no {target or f'{request.method} {request.raw_path}'}",
    )


def parse(operation: Operation, labels: Mapping[str, str], request: Request) -> dict[str, Any]:
    """The parameters of a request, by member name.

    Raises:
        BedrockError: the request breaks the service model; the message lists every breach.
    """
    walk = ShapeWalk("decode")
    params = _located(walk, operation, labels, request)
    params |= _body(walk, operation, request)
    shape = operation.model.input_shape
    for name in shape.required_members if shape else ():
        if name not in params:
            walk.problems.append(
                f"Value null at '{name}' failed to satisfy constraint: Member must not be null"
            )
    if walk.problems:
        count = len(walk.problems)
        noun = "error" if count == 1 else "errors"
        problems = "; ".join(dict.fromkeys(walk.problems))
        code = _BREACHES.get(operation.service, "ValidationException")
        raise BedrockError(code, f"{count} validation {noun} detected: {problems}")
    return params


def _located(
    walk: ShapeWalk, operation: Operation, labels: Mapping[str, str], request: Request
) -> dict[str, Any]:
    members = operation.input_by_location
    texts = {
        members["uri"][label][0]: (members["uri"][label][1], text) for label, text in labels.items()
    }
    for key, text in parse_qsl(request.query, keep_blank_values=True):
        if key not in members.get("querystring", {}):
            walk.problems.append(f"Unknown query parameter '{key}'")
            continue
        name, shape = members["querystring"][key]
        texts[name] = (shape, text)
    for header, (name, shape) in members.get("header", {}).items():
        if header.lower() in request.headers:
            texts[name] = (shape, request.headers[header.lower()])
    return {
        name: walk.convert(shape, _from_text(shape, text), name)
        for name, (shape, text) in texts.items()
    }


def _from_text(shape: Shape, text: str) -> int | str:
    if shape.type_name in {"integer", "long"} and re.fullmatch(r"-?[0-9]{1,18}", text):
        return int(text)
    return text


def _body(walk: ShapeWalk, operation: Operation, request: Request) -> dict[str, Any]:
    shape = operation.model.input_shape
    if shape is None or not request.body:
        return {}
    payload = shape.serialization.get("payload")
    if payload:
        return {payload: walk.raw(shape.members[payload], request.body, payload)}
    try:
        content = json.loads(request.body)
    except ValueError as error:
        raise BedrockError("SerializationException", f"the body is not JSON: {error}") from error
    body_members = {name for name, _ in operation.input_by_location.get("body", {}).values()}
    return _body_members(walk, shape, content, body_members)


def _body_members(
    walk: ShapeWalk,
    shape: StructureShape,
    content: Wire,
    names: set[str],
) -> dict[str, Any]:
    if not isinstance(content, Mapping):
        walk.problems.append("the body must be a JSON object")
        return {}
    by_wire = {wire_name(shape.members[name], name): name for name in names}
    params = {}
    for key, value in content.items():
        if key not in by_wire:
            walk.problems.append(f"Unknown field '{key}'")
        elif value is not None:
            name = by_wire[key]
            params[name] = walk.convert(shape.members[name], value, name)
    return params


def encode(shape: Shape, value: Wire, subject: str) -> Wire:
    """`value` as it goes over the wire.

    Raises:
        DriftError: the world would answer something that botocore's model does not allow.
    """
    walk = ShapeWalk("encode")
    result = walk.convert(shape, value, "")
    if walk.problems:
        raise DriftError(f"{subject}: {'; '.join(walk.problems)}")
    return result


def error_status(operation: Operation, error: BedrockError) -> int:
    """The HTTP status of an error answer.

    Raises:
        DriftError: botocore does not list the code for this operation, and neither do
            `UNMODELLED_ERRORS`.
    """
    status = operation.error_statuses.get(error.code)
    if error.code in PROTOCOL_ERRORS:
        return 400
    if status is None and (operation.name, error.code) not in UNMODELLED_ERRORS:
        raise DriftError(f"{operation.name} does not know the error {error.code}")
    return status or 400
