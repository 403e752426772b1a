"""The translated template, resolved for given parameters as CloudFormation would."""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "template.yaml"
SPOKE = ROOT / "spoke" / "template.yaml"

PSEUDO = {
    "AWS::AccountId": "111111111111",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::StackName": "prod",
}
OWN = PSEUDO["AWS::StackName"]
HUB = {
    "HubAccountId": "222222222222",
    "HubRegion": "us-east-1",
    "HubStackName": "prod",
    "ExternalId": "a-long-random-text",
    "Regions": "eu-central-1,us-east-1",
    **{
        f"{name}RoleArn": f"arn:aws:iam::222222222222:role/prod-{name}Role-1A2B"
        for name in ("Dispatch", "Visit", "Purchase", "Release", "Publish")
    },
}
"""Parameters of a spoke that have no default."""
HUB_OWNER = "prod@222222222222/us-east-1"
# Stands for a property that Fn::If leaves out.
_NO_VALUE = object()

type Properties = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A resolved template.

    References stand as text: `Table` for a Ref, `Table.Arn` for an attribute.

    Attributes:
        resources: by logical id, those whose condition holds.
        outputs: resolved values by name.
    """

    resources: dict[str, Properties]
    outputs: dict[str, Any]

    def of(self, kind: str) -> dict[str, Properties]:
        """Properties by logical id of all resources of a type such as `AWS::SQS::Queue`."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def copy(self) -> "Stack":
        """An equal stack that a test may spoil."""
        return Stack(resources=deepcopy(self.resources), outputs=deepcopy(self.outputs))


@cache
def translated(path: Path = TEMPLATE) -> dict[str, Any]:
    """A template after the SAM transform, parameters and intrinsics still in place."""
    python = ROOT / ".tools" / "bin" / "python"
    done = subprocess.run(
        [python, Path(__file__).with_name("translate.py"), path],
        env={"PATH": os.defpath, "AWS_DEFAULT_REGION": PSEUDO["AWS::Region"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"run `make tools`, then look at this:\n{done.stderr}"
    template: dict[str, Any] = json.loads(done.stdout)
    return template


def stack(**parameters: str) -> Stack:
    """The stack as deployed with these parameters and the defaults of the others."""
    return _resolved(translated(), parameters)


def spoke(**parameters: str) -> Stack:
    """The stack in a spoke with these parameters, and those of HUB where a test names none."""
    return _resolved(translated(SPOKE), HUB | parameters)


def _resolved(template: Mapping[str, Any], parameters: Mapping[str, str]) -> Stack:
    resolver = _Resolver(template, parameters)
    return Stack(
        resources={
            name: resolver.resolve(resource)
            for name, resource in template["Resources"].items()
            if resolver.holds(resource.get("Condition"))
        },
        outputs={
            name: resolver.resolve(output["Value"])
            for name, output in template["Outputs"].items()
            if resolver.holds(output.get("Condition"))
        },
    )


class _Resolver:
    """Evaluates the intrinsic functions that the template uses; any other is an error."""

    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, str]) -> None:
        declared = template["Parameters"]
        unknown = parameters.keys() - declared.keys()
        assert not unknown, f"the template has no parameter {sorted(unknown)}"
        self._values: dict[str, Any] = dict(PSEUDO)
        for name, parameter in declared.items():
            value = parameters[name] if name in parameters else parameter["Default"]
            is_list = parameter["Type"] == "CommaDelimitedList"
            self._values[name] = value.split(",") if is_list else value
        self._mappings = template.get("Mappings", {})
        self._conditions = template["Conditions"]

    def holds(self, condition: str | None) -> bool:
        return condition is None or bool(self.resolve(self._conditions[condition]))

    def resolve(self, value: Any) -> Any:
        match value:
            case {"Ref": "AWS::NoValue"}:
                return _NO_VALUE
            case {"Ref": str(name)}:
                return self._values.get(name, name)
            case {"Condition": str(name)} if len(value) == 1:
                return self.holds(name)
            case dict() if len(value) == 1 and next(iter(value)).startswith("Fn::"):
                ((function, argument),) = value.items()
                return self._call(function, argument)
            case dict():
                resolved = {key: self.resolve(item) for key, item in value.items()}
                return {key: item for key, item in resolved.items() if item is not _NO_VALUE}
            case list():
                return [item for item in map(self.resolve, value) if item is not _NO_VALUE]
            case _:
                return value

    def _call(self, function: str, argument: Any) -> Any:
        match function, argument:
            case "Fn::If", [condition, yes, no]:
                return self.resolve(yes if self.holds(condition) else no)
            case "Fn::GetAtt", [resource, attribute]:
                return f"{resource}.{attribute}"
            case "Fn::Sub", [str(text), own]:
                return self._filled(text, self._values | self.resolve(own))
            case "Fn::Sub", text:
                return self._filled(text, self._values)
            case "Fn::Join", [separator, parts]:
                return separator.join(self.resolve(parts))
            case "Fn::FindInMap", [table, row, column]:
                return self._mappings[table][self.resolve(row)][column]
            case _:
                return self._logic(function, argument)

    def _logic(self, function: str, argument: Any) -> bool:
        match function, argument:
            case "Fn::Equals", [left, right]:
                return str(self.resolve(left)) == str(self.resolve(right))
            case "Fn::Not", [inner]:
                return not self.resolve(inner)
            case "Fn::And", [*inner]:
                return all(self.resolve(each) for each in inner)
            case _:
                raise AssertionError(f"the tests do not know {function}: {argument}")

    @staticmethod
    def _filled(text: str, values: Mapping[str, Any]) -> str:
        return re.sub(r"\$\{([^}]+)\}", lambda name: str(values.get(name[1], name[1])), text)
