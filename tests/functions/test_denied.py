"""Each function, with one permission that it needs taken away: it says why, and leaves no half."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

import pytest

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.domain.fleet.intent import HOLDING_STATES, PurchaseState, ReleaseState
from bedrock_autoscaler.domain.units import MINUTE
from tests.builders import MODEL
from tests.deployment.policies import grants
from tests.deployment.template import stack
from tests.functions.account import Account, opened
from tests.functions.denials import NEVER_ASKED, OF_LAMBDA, REASONS, TRACES, permissions_in
from tests.functions.life import EXPECTED, LIFE, Step

pytestmark = pytest.mark.xdist_group("template")

FUNCTIONS = {
    "observe_decide": "ObserveDecide",
    "purchase": "Purchase",
    "release": "Release",
    "publish": "Publish",
}
PURCHASABLE = f"arn:aws:bedrock:eu-central-1::foundation-model/{MODEL}*"

BY_STEP = {step.name: step for step in LIFE}
# Each function and permission once, where it comes first in a life.
FIRST_TRACES = {
    (step.function, permission): (step.name, permission)
    for step in reversed(LIFE)
    for name, permission in TRACES
    if name == step.name
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a step asks for.

    Attributes:
        permissions: what its calls need.
        written: what its writes need, with the partition key.
    """

    permissions: frozenset[str]
    written: frozenset[tuple[str, str]]


@pytest.fixture(scope="module")
def needs() -> Mapping[str, Need]:
    """What each step of an undisturbed life asks for, by its name."""
    found = {}
    with pytest.MonkeyPatch.context() as monkeypatch, opened(monkeypatch) as account:
        for step, answer in zip(LIFE, EXPECTED, strict=True):
            step.before(account)
            account.asked.clear()
            account.written.clear()
            assert step.run(account) == {"chat": answer}
            found[step.name] = Need(
                permissions=frozenset(account.asked), written=frozenset(account.written)
            )
    return found


def attempt(account: Account, step: Step, permission: str) -> tuple[str, str]:
    """The answer of a step without a permission, and what the log and the error say."""
    account.log.seek(0)
    account.log.truncate()
    account.denied, account.refused = {permission}, set()
    answer, trouble = "", ""
    try:
        answer = step.run(account)["chat"]
    except ObservationError as error:
        trouble = str(error)
    account.denied = set()
    assert account.refused == {permission}, "the step never asked for it"
    lines = [json.loads(line) for line in account.log.getvalue().splitlines()]
    return answer, "\n".join([trouble, *(" ".join(map(str, line.values())) for line in lines)])


def test_a_life_needs_no_permission_that_its_role_lacks_and_wastes_none(
    needs: Mapping[str, Need],
) -> None:
    asked = {
        (FUNCTIONS[BY_STEP[name].function], permission)
        for name, need in needs.items()
        for permission in need.permissions
    }

    granted = {
        (grant.role.removesuffix("Role"), permission)
        for grant in grants(stack(PurchasableModelArns=PURCHASABLE))
        if _is_of_this_life(grant.role) and not grant.action.startswith(OF_LAMBDA)
        for permission in permissions_in(grant.action, grant.resources)
    }
    assert asked - granted == set()
    assert granted - asked == NEVER_ASKED.keys()


def _is_of_this_life(role: str) -> bool:
    """Whether a role is of a function that a throughput's life runs."""
    return role.removesuffix("Role") in FUNCTIONS.values()


def test_every_missing_permission_has_its_reason(needs: Mapping[str, Need]) -> None:
    asked = frozenset[str]().union(*(need.permissions for need in needs.values()))

    assert asked == REASONS.keys()


def test_every_write_is_within_the_partitions_of_its_role(needs: Mapping[str, Need]) -> None:
    patterns: dict[tuple[str, str], list[str]] = {}
    for grant in grants(stack(PurchasableModelArns=PURCHASABLE)):
        keys = grant.conditions.get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys")
        for permission in permissions_in(grant.action, grant.resources):
            if keys is not None and _is_of_this_life(grant.role):
                patterns[grant.role.removesuffix("Role"), permission] = keys

    outside = {
        (name, permission, key)
        for name, need in needs.items()
        for permission, key in need.written
        for allowed in [patterns.get((FUNCTIONS[BY_STEP[name].function], permission))]
        if allowed is not None and not any(fnmatchcase(key, pattern) for pattern in allowed)
    }

    assert outside == set()
    assert patterns.keys() == {
        ("ObserveDecide", "dynamodb:PutItem ledger"),
        ("Publish", "dynamodb:PutItem ledger"),
    }


def test_a_denied_call_is_named_and_leaves_nothing_behind(
    needs: Mapping[str, Need], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each step of a life each permission is missing once; then the step goes as ever."""
    with opened(monkeypatch) as account:
        for step, answer in zip(LIFE, EXPECTED, strict=True):
            step.before(account)
            before = account.stored()
            for permission in sorted(needs[step.name].permissions):
                if (step.name, permission) in TRACES:
                    continue
                _, text = attempt(account, step, permission)
                assert re.search(REASONS[permission], text), (step.name, permission, text)
                assert account.stored() == before, (step.name, permission)
            assert step.run(account) == {"chat": answer}


@pytest.mark.parametrize(
    ("name", "permission"),
    [pytest.param(*trace, id=" without ".join(trace)) for trace in FIRST_TRACES.values()],
)
def test_a_denied_call_that_leaves_a_trace_is_named_and_made_good(
    name: str, permission: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(monkeypatch) as account:
        for step in LIFE:
            step.before(account)
            if step.name == name:
                break
            step.run(account)

        answer, text = attempt(account, BY_STEP[name], permission)
        assert answer == TRACES[name, permission]
        assert re.search(REASONS[permission], text), text

        account.move(MINUTE)
        for function in ("purchase", "release", "publish"):
            account.run(function)
        assert_whole(account)


def assert_whole(account: Account) -> None:
    """No open intent, the reservation is what is held, all that exists is ours and once."""
    ledger = account.ledger()
    held = [intent for intent in ledger.purchases if intent.state in HOLDING_STATES]
    assert ledger.open_purchases == ()
    assert ledger.record.reserved_units == sum(intent.model_units for intent in held)
    assert {intent.arn for intent in held} == account.existing()
    assert len(account.world.purchases.all) <= 1
    for release in ledger.open_releases:
        assert release.state is ReleaseState.WITHDRAWN
        assert release.withdrawn_at is not None


def test_a_purchase_that_was_denied_gives_its_reservation_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with opened(monkeypatch) as account:
        for step in LIFE[:3]:
            step.before(account)
            step.run(account)
        attempt(account, BY_STEP["buy"], "bedrock:CreateProvisionedModelThroughput")

        (intent,) = account.ledger().purchases
        assert (intent.state, intent.arn) == (PurchaseState.REFUSED, None)
        assert intent.detail == "AccessDeniedException"
        assert account.ledger().record.reserved_units == 0
        assert account.run("purchase")["chat"] == "bought before"
        assert account.existing() == set()


@pytest.mark.parametrize(
    ("name", "after", "answers"),
    [
        ("buy", "bedrock:CreateProvisionedModelThroughput", ["unobserved", "purchase bought"]),
        ("delete", "bedrock:DeleteProvisionedModelThroughput", ["unobserved", "released 1"]),
    ],
)
def test_a_ledger_that_is_denied_right_after_the_call_is_made_good(
    name: str, after: str, answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The world has changed and the ledger does not know: the open intent leads there."""
    with opened(monkeypatch) as account:
        for step in LIFE:
            step.before(account)
            if step.name == name:
                break
            step.run(account)
        account.denied_after = (after, {"dynamodb:PutItem ledger", "dynamodb:UpdateItem ledger"})
        first = BY_STEP[name].run(account)["chat"]
        account.denied_after, account.denied = None, set()
        account.move(MINUTE)
        second = BY_STEP[name].run(account)["chat"]

        assert [first, second] == answers
        assert_whole(account)
