"""One provisioned throughput's life in few steps: bought, routed to, withdrawn, deleted."""

from collections.abc import Callable
from dataclasses import dataclass

from bedrock_autoscaler.domain.decision import Release
from bedrock_autoscaler.domain.units import MINUTE
from tests.functions.account import Account
from tests.intents import ONE_UNIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One invocation.

    Attributes:
        name: says what it is for.
        loop: of `observe_decide`.
        before: brings the account to where this step starts.
    """

    name: str
    function: str
    loop: str = ""
    before: Callable[[Account], None] = lambda account: None

    def run(self, account: Account) -> dict[str, str]:
        """Invoke the function; its answer."""
        event = {"loop": self.loop} if self.loop else {}
        return account.run(self.function, **event)


def _wish(account: Account) -> None:
    account.script.actions[account.now] = (ONE_UNIT,)


def _enter_service(account: Account) -> None:
    account.move(16 * MINUTE)


def _give_up(account: Account) -> None:
    """Fourteen minutes of traffic on the throughput, then the decision to release it."""
    (bought,) = (pt for pt in account.world.purchases.all if pt.name.startswith("chat-"))
    account.move(14 * MINUTE)
    account.serve(bought.arn, 14)
    account.script.actions[account.now] = (Release(arn=bought.arn, model_units=1),)


def _reach_window(account: Account) -> None:
    """To the last five minutes of the paid hour, drained and silent."""
    account.move(25 * MINUTE)


LIFE = (
    Step(name="accept settings", function="publish"),
    Step(name="first route", function="observe_decide", loop="routing", before=_wish),
    Step(name="decide to buy", function="observe_decide", loop="capacity"),
    Step(name="buy", function="purchase"),
    Step(name="first table", function="publish"),
    Step(name="find in service", function="purchase", before=_enter_service),
    Step(name="route to it", function="observe_decide", loop="routing"),
    Step(name="publish it", function="publish"),
    Step(name="decide to release", function="observe_decide", loop="capacity", before=_give_up),
    Step(name="withdraw", function="release"),
    Step(name="publish without it", function="publish"),
    Step(name="delete", function="release", before=_reach_window),
)
EXPECTED = (
    "nothing decided",
    "hold",
    "purchase 1",
    "bought 1",
    "published 1",
    "purchase in_service",
    "hold",
    "published 2",
    "release 1",
    "withdrawn 1",
    "published 3",
    "released 1",
)
"""What each step answers when nothing is denied."""
