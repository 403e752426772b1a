"""A rule of the template, a defect that it must notice, and the ways to plant one."""

from collections.abc import Callable, Iterator
from typing import Any

from tests.deployment.policies import statement_of
from tests.deployment.template import Stack

type Rule = Callable[[Stack], Iterator[str]]
type Defect = tuple[Rule, str, Callable[[Stack], None]]
"""The rule, the defect in a few words, and what plants it."""


def widen(role: str, sid: str, **changes: Any) -> Callable[[Stack], None]:
    return lambda deployed: statement_of(deployed, role, sid).update(changes)


def put(resource: str, path: str, value: Any) -> Callable[[Stack], None]:
    def change(deployed: Stack) -> None:
        *parents, last = path.split("/")
        place = deployed.resources[resource]
        for name in parents:
            place = place[name]
        place[last] = value

    return change


def drop(resource: str, path: str) -> Callable[[Stack], None]:
    def change(deployed: Stack) -> None:
        *parents, last = path.split("/")
        place = deployed.resources[resource]
        for name in parents:
            place = place[name]
        del place[last]

    return change


def add(name: str, kind: str) -> Callable[[Stack], None]:
    return lambda deployed: deployed.resources.update({name: {"Type": kind, "Properties": {}}})


def remove(name: str) -> Callable[[Stack], None]:
    return lambda deployed: deployed.resources.__delitem__(name)
