"""Permissions of the stack's roles in a form that can be compared."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.deployment.template import Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One action that a role allows.

    Attributes:
        role: logical id.
        action: such as `dynamodb:GetItem`.
        resources: sorted ARNs.
        conditions: operator to key to value, as written.
    """

    role: str
    action: str
    resources: tuple[str, ...]
    conditions: dict[str, dict[str, Any]]


def as_tuple(value: Any) -> tuple[Any, ...]:
    """IAM lets a single element stand for a list of one."""
    return tuple(value) if isinstance(value, list) else (value,)


def statements(stack: Stack) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of every role, with the role's logical id."""
    for role, properties in stack.of("AWS::IAM::Role").items():
        for policy in properties.get("Policies", []):
            for statement in as_tuple(policy["PolicyDocument"]["Statement"]):
                yield role, statement


def grants(stack: Stack) -> tuple[Grant, ...]:
    """Every allowed action of every role."""
    return tuple(
        Grant(
            role=role,
            action=action,
            resources=tuple(sorted(as_tuple(statement["Resource"]))),
            conditions=statement.get("Condition", {}),
        )
        for role, statement in statements(stack)
        if statement["Effect"] == "Allow" and "Action" in statement and "Resource" in statement
        for action in as_tuple(statement["Action"])
    )


def actions_of(stack: Stack, role: str) -> set[str]:
    """The actions that a role allows, whatever the resource."""
    return {grant.action for grant in grants(stack) if grant.role == role}


def statement_of(deployed: Stack, role: str, sid: str) -> dict[str, Any]:
    """The statement of this name in the role."""
    policy = deployed.of("AWS::IAM::Role")[role]["Policies"][0]["PolicyDocument"]
    found: dict[str, Any] = next(
        statement for statement in as_tuple(policy["Statement"]) if statement["Sid"] == sid
    )
    return found
