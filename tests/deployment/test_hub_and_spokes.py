"""A fleet over three accounts with a broken role, a poisoned message and killed workers."""

import pytest

from bedrock_autoscaler.domain.target import Loop
from tests.builders import ACCOUNT, NOW, REGION
from tests.deployment.hub import Hub, hub_of

pytestmark = pytest.mark.xdist_group("template")

AWAY, BROKEN = "222222222222", "333333333333"
ACCOUNTS = (ACCOUNT, AWAY, BROKEN)


@pytest.mark.parametrize("targets", [6, pytest.param(200, marks=pytest.mark.soak)])
def test_what_fails_fails_alone_and_nothing_is_lost_or_bought_twice(
    monkeypatch: pytest.MonkeyPatch, targets: int
) -> None:
    with hub_of(monkeypatch, ACCOUNTS, targets) as hub:
        lives_through(hub)


def lives_through(hub: Hub) -> None:
    """A minute in which everything goes wrong at once, and what follows when the role is mended."""
    by_account = {
        account: {name for name, where in hub.targets.items() if where == account}
        for account in ACCOUNTS
    }
    buyers = {
        name for names in by_account.values() for name in sorted(names)[: 1 + len(names) // 25]
    }
    poisoned = max(by_account[ACCOUNT])
    hub.buys_at = {NOW: buyers}
    hub.accounts.break_role(BROKEN, "reader")
    hub.kill_at = max(by_account[AWAY])
    hub.accounts.kill_buyer = True
    hub.poison(poisoned)

    hub.dispatch()
    hub.work()
    first, second = hub.purchase(), hub.purchase()

    # Each target was decided in its minute, in both loops, also the one behind the poison.
    assert hub.decided(NOW) == {(name, loop) for name in hub.targets for loop in Loop}
    assert hub.dead_letters() == ["?"]
    assert hub.held_unreachable() == by_account[BROKEN]
    place = f"{BROKEN}/{REGION}"
    assert ("place_unreachable", place) in hub.alarms()
    # The purchase that was killed after its call is found again and not repeated.
    assert first == {}
    # Where nothing was seen nothing is to be done.
    assert set(second) >= by_account[ACCOUNT] | by_account[AWAY]
    bought = {account: sorted(names & buyers) for account, names in by_account.items()}
    assert hub.bought() == bought | {BROKEN: []}

    hub.accounts.make_role(BROKEN, "reader")
    hub.accounts.pass_minutes(5)
    hub.buys_at = {hub.now: buyers & by_account[BROKEN]}
    hub.dispatch()
    hub.work()
    hub.purchase()
    hub.publish()

    assert hub.decided(hub.now) >= {(name, loop) for name in by_account[BROKEN] for loop in Loop}
    assert hub.bought() == bought
    assert hub.copies() == by_account
