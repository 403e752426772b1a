"""A decision core that asks for anything: safety may not depend on good decisions.

It is a pure function of the situation, as the real core is: chance comes from the decision's id.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from bedrock_autoscaler.domain.consents.consenting import consented
from bedrock_autoscaler.domain.decision import (
    Action,
    Decision,
    Purchase,
    Release,
    Restore,
    Scaling,
    Situation,
    decision_id,
)
from bedrock_autoscaler.domain.fleet.holdings import ProvisionedThroughput
from bedrock_autoscaler.domain.routing.route import Route
from bedrock_autoscaler.domain.target import Commitment, Loop, OptionKind
from bedrock_autoscaler.domain.units import usd
from tests.builders import bare_decision, pt_arn
from tests.simulation.schedule import FOREIGN_ENDPOINT, Plan, Scenario
from tests.simulation.settings import TERMS, consent_id

_NOWHERE = "global.another.model-v1:0"
_OFTEN, _SELDOM = 0.6, 0.12


@dataclass(frozen=True, slots=True, kw_only=True)
class Temper:
    """What this adversary likes to ask for, as shares of its capacity decisions.

    Attributes:
        buys, releases, restores: how often it asks for each.
        lies: how much of that is nonsense: wrong models, prices, sizes, ARNs, routes.
        terms: how often a purchase asks for a commitment, with a consent or without.
        scales: how often it asks for other instances of an endpoint of the target.
        asks: how often it heeds that a person has to agree.
    """

    seed: int
    buys: float = 0.5
    releases: float = 0.4
    restores: float = 0.02
    lies: float = 0.2
    terms: float = 0.1
    scales: float = 0.4
    asks: float = 0.0


def temper_of(plan: Plan) -> Temper:
    """How the adversary of a schedule is minded."""
    terms = _OFTEN if plan.scenario is Scenario.TERMS else _SELDOM
    return Temper(seed=plan.seed, terms=terms, asks=_OFTEN if plan.asks else 0.0)


class Adversary:
    """Decides at random, within reach of what the situation shows."""

    def __init__(self, temper: Temper) -> None:
        self.temper = temper

    def __call__(self, situation: Situation) -> Decision:
        """The same decision for the same tick of the same target."""
        name = decision_id(situation.target.name, situation.loop, situation.scheduled_at)
        chance = random.Random(f"{self.temper.seed}/{name}")  # noqa: S311 - simulation
        is_capacity = situation.loop is Loop.CAPACITY
        decision = bare_decision(
            situation,
            actions=self._actions(situation, chance) if is_capacity else (),
            routes=self._routes(situation, chance),
            scalings=self._scalings(situation, chance) if is_capacity else (),
        )
        heeds = self.temper.asks > 0 and chance.random() < self.temper.asks
        return consented(decision, situation) if heeds else decision

    def _actions(self, situation: Situation, chance: random.Random) -> tuple[Action, ...]:
        temper, found = self.temper, list[Action]()
        if chance.random() < temper.releases:
            found += self._release(situation, chance)
        if chance.random() < temper.buys:
            found += self._purchase(situation, chance)
        if chance.random() < temper.restores:
            found += [
                Restore(arn=pt.arn, model_units=pt.model_units)
                for pt in situation.fleet.throughputs
                if pt.draining
            ]
        chance.shuffle(found)
        return tuple(found)

    def _purchase(self, situation: Situation, chance: random.Random) -> list[Action]:
        bought = situation.target.provisioned
        if bought is None or bought.price is None:
            return [Purchase(model_id=_NOWHERE, model_units=1, usd_per_hour=Decimal(0))]
        most = situation.target.thresholds.sizing.max_units_per_purchase
        units = chance.randint(1, most)
        purchase = Purchase(
            model_id=bought.model_id,
            model_units=units,
            usd_per_hour=usd(bought.price.usd_per_hour * units),
        )
        if chance.random() < self.temper.terms:
            purchase = self._committed(situation, purchase, chance)
        if chance.random() < self.temper.lies:
            purchase = chance.choice(_WRONG_PURCHASES)(purchase)
        return [purchase] * chance.choice(_TIMES)

    @staticmethod
    def _committed(situation: Situation, purchase: Purchase, chance: random.Random) -> Purchase:
        """The same under a term, at its price, with somebody's consent or nobody's."""
        bought, name = situation.target.provisioned, situation.target.name
        price = bought.price if bought else None
        term = chance.choice(TERMS)
        each = price and (
            price.one_month_usd_per_hour
            if term is Commitment.ONE_MONTH
            else price.six_months_usd_per_hour
        )
        units = chance.choice((1, 1, 2))
        return replace(
            purchase,
            model_units=units,
            usd_per_hour=usd((each or Decimal(0)) * units),
            commitment=term,
            consent_id=chance.choice(
                (None, consent_id("alpha", term, 1), *[consent_id(name, term, units)] * 4)
            ),
        )

    def _release(self, situation: Situation, chance: random.Random) -> list[Action]:
        known = list(situation.fleet.throughputs)
        if chance.random() < self.temper.lies:
            arn = chance.choice([pt.arn for pt in known] + [pt_arn(chance.randint(1, 12))])
            return [Release(arn=arn, model_units=chance.randint(1, 4))]
        standing = [pt for pt in situation.fleet.owned if not pt.draining]
        if not standing:
            return []
        chosen = chance.choice(standing)
        return [Release(arn=chosen.arn, model_units=chosen.model_units)]

    def _scalings(self, situation: Situation, chance: random.Random) -> tuple[Scaling, ...]:
        """Other instances for each endpoint of the target, within its bounds or far beyond."""
        seen = {each.address: each.instances for each in situation.observation.endpoints}
        found = []
        for option in situation.target.options:
            if option.instances is None or chance.random() >= self.temper.scales:
                continue
            wanted = Scaling(
                address=option.address,
                from_instances=seen.get(option.address, 1),
                to_instances=chance.randint(1, option.instances.max_instances),
            )
            if chance.random() < self.temper.lies:
                wanted = chance.choice(_WRONG_SCALINGS)(wanted)
            found.append(wanted)
        return tuple(found)

    def _routes(self, situation: Situation, chance: random.Random) -> tuple[Route, ...]:
        options = [(option.kind, option.address) for option in situation.target.options]
        if chance.random() < self.temper.lies:
            return self._wrong_routes(situation, chance, options)
        paid = [pt for pt in situation.fleet.owned if pt.is_routable and chance.random() < _ROUTED]
        units = sum(pt.model_units for pt in paid)
        routes = [_to(pt, pt.model_units / units) for pt in paid]
        weights = [0.0] * len(options)
        if not paid and options:
            weights[0] = 1.0
        return (
            *routes,
            *(
                Route(kind=kind, address=address, weight=weight)
                for (kind, address), weight in zip(options, weights, strict=True)
            ),
        )

    @staticmethod
    def _wrong_routes(
        situation: Situation, chance: random.Random, options: list[tuple[OptionKind, str]]
    ) -> tuple[Route, ...]:
        """PTs in any state and of any owner, strange addresses, weights that do not add up."""
        ways = [(OptionKind.PROVISIONED, pt.arn) for pt in situation.fleet.throughputs]
        ways += [*options, (OptionKind.PROVISIONED, pt_arn(chance.randint(1, 12)))]
        ways += [(OptionKind.GLOBAL_PROFILE, _NOWHERE)] * (chance.random() < _STRANGE)
        chosen = chance.sample(ways, chance.randint(0, len(ways)))
        weights = [chance.choice((0.0, 0.5, 1.0)) for _ in chosen]
        whole = sum(weights)
        if chance.random() < _ADDS_UP and whole > 0:
            weights = [weight / whole for weight in weights]
        return tuple(
            Route(kind=kind, address=address, weight=weight)
            for (kind, address), weight in zip(chosen, weights, strict=True)
        )


_ROUTED, _STRANGE, _ADDS_UP = 0.9, 0.3, 0.7
_TIMES = (1, 1, 1, 1, 1, 1, 1, 3)

_WRONG_PURCHASES: tuple[Callable[[Purchase], Purchase], ...] = (
    lambda wanted: replace(wanted, model_id=_NOWHERE),
    lambda wanted: replace(wanted, model_units=100),
    lambda wanted: replace(wanted, model_units=0),
    lambda wanted: replace(wanted, model_units=-3),
    lambda wanted: replace(wanted, usd_per_hour=Decimal(0)),
    lambda wanted: replace(wanted, usd_per_hour=wanted.usd_per_hour / 2),
    lambda wanted: replace(wanted, usd_per_hour=Decimal("Infinity")),
)

_WRONG_SCALINGS: tuple[Callable[[Scaling], Scaling], ...] = (
    lambda wanted: replace(wanted, address=FOREIGN_ENDPOINT),
    lambda wanted: replace(wanted, to_instances=0),
    lambda wanted: replace(wanted, to_instances=100),
    lambda wanted: replace(wanted, from_instances=wanted.from_instances + 1),
)


def _to(pt: ProvisionedThroughput, weight: float) -> Route:
    return Route(kind=OptionKind.PROVISIONED, address=pt.arn, weight=weight)
