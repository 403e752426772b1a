"""What the world does by itself in a schedule on the wire: nobody's call is struck by it."""

from collections import Counter
from random import Random

from bedrock_autoscaler.domain.units import MINUTE
from bedrock_world.provisioned import PurchasePlan
from tests.functions.account import Account
from tests.simulation.wire_targets import NAMES, document, spoiled

_ENDINGS = (
    PurchasePlan(ending="failed"),
    PurchasePlan(ending="stuck"),
    PurchasePlan(lead_time=40 * MINUTE),
)
_SWITCHED, _POISONED, _ENDED, _VANISHED, _SERVED = 0.06, 0.08, 0.1, 0.03, 0.2
_MENDED = 0.5
"""A switch that stays closed and settings that stay refused would leave nothing to be struck."""


class WireWorld:
    """The switch, the settings, the throughputs and their callers."""

    def __init__(self, account: Account, chance: Random, happened: Counter[str]) -> None:
        self.switch = "allow"
        self._account = account
        self._chance = chance
        self._happened = happened
        self._poisoned: set[str] = set()

    def happen(self) -> None:
        """Perhaps something, perhaps much."""
        self._turn()
        self._edit()
        chance, purchases = self._chance, self._account.world.purchases
        if chance.random() < _ENDED:
            plan = chance.choice(_ENDINGS)
            purchases.plans.append(plan)
            self._happened[plan.ending] += 1
        if chance.random() < _VANISHED:
            for pt in purchases.existing(self._account.now)[:1]:
                purchases.remove(pt.arn)
                self._happened["vanish"] += 1
        if chance.random() < _SERVED:
            self.serve(3)

    def serve(self, minutes: int) -> None:
        """Calls on every throughput in the last minutes."""
        for pt in self._account.world.purchases.existing(self._account.now):
            self._account.serve(pt.arn, minutes)

    def mend(self) -> None:
        """The switch is open, and all settings are in force."""
        self._set_switch("allow")
        for name in NAMES:
            self._put(name, document(name))

    def _turn(self) -> None:
        chance = self._chance
        if self.switch != "allow" and chance.random() < _MENDED:
            self._set_switch("allow")
        elif chance.random() < _SWITCHED:
            self._set_switch(chance.choice(("stop", "Allow", "allow")))

    def _edit(self) -> None:
        chance = self._chance
        for name in sorted(self._poisoned):
            if chance.random() < _MENDED:
                self._put(name, document(name))
        if chance.random() < _POISONED:
            name = chance.choice(NAMES)
            self._put(name, chance.choice((*spoiled(), document(name))))

    def _set_switch(self, value: str) -> None:
        self.switch = value
        self._account.put_setting("switch", value)
        self._happened["switch"] += 1

    def _put(self, name: str, text: str) -> None:
        self._account.put_setting(f"settings/targets/{name}", text)
        self._poisoned = self._poisoned - {name} | ({name} if text in spoiled() else set())
        self._happened["settings"] += 1
