"""What persons do with the command line beside the functions: `adopt` and `teardown`.

Both look, ask, and go on when the person has answered: a tick or more may lie in between.
"""

import random
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from bedrock_autoscaler.application.errors import (
    ConfigurationError,
    StaleDecisionError,
    UnknownOutcomeError,
)
from bedrock_autoscaler.application.ports.bedrock import Inventory, ListedThroughput
from bedrock_autoscaler.application.purchasing.adopting import Adoption
from bedrock_autoscaler.application.purchasing.identifying import is_same_model
from bedrock_autoscaler.cli.output import CommandError
from bedrock_autoscaler.cli.steering.dismantling import dismantle
from bedrock_autoscaler.cli.steering.parts import Plan, plan_of
from bedrock_autoscaler.domain.fleet.intent import HOLDING_STATES, PurchaseIntent
from bedrock_autoscaler.domain.target import Commitment, Target
from bedrock_autoscaler.domain.units import HOUR
from tests.builders import ACCOUNT, REGION
from tests.simulation.bedrock import SimulatedPt

if TYPE_CHECKING:
    from tests.simulation.engine import Simulation

_FAILS = 0.1
_PAGES: dict[str, dict[str, list[str]]] = {
    "describe_stacks": {"Stacks": []},
    "list_stack_resources": {"StackResourceSummaries": []},
    "describe_log_groups": {"logGroups": []},
    "get_parameters_by_path": {"Parameters": []},
}


class Commands:
    """The commands of one simulation, and what a person was asked and has not answered."""

    def __init__(self, simulation: "Simulation") -> None:
        self._sim = simulation
        self._planned: PurchaseIntent | None = None
        self._plan: Plan | None = None
        self._left: str = ""

    def adopt(self, share: float, *, tags: bool) -> bool:
        """Look at a PT, which a target may hold; with `tags` it is given ours first."""
        candidates = (
            []
            if self._sim.is_gone
            else [
                (pt, target)
                for pt in self._sim.bedrock.existing()
                for target in self._sim.targets_in_force()
                if target.provisioned is not None
                and is_same_model(f"x/{pt.model_id}", target.provisioned.model_id)
            ]
        )
        if not candidates:
            return False
        pt, target = candidates[int(share * len(candidates))]
        if tags:
            self._sim.bedrock.retag(pt, (self._sim.deployment, target.name, None))
        try:
            self._planned = self._adoption().plan(pt.arn, target, "a person")
        except ConfigurationError:
            return False
        return True

    def confirm(self) -> bool:
        """The person says yes to what was looked at."""
        planned, self._planned = self._planned, None
        if planned is None or self._sim.is_gone:
            return False
        try:
            self._adoption().record(planned)
        except (ConfigurationError, StaleDecisionError):
            return False
        pt = self._sim.bedrock.pts[planned.arn or ""]
        pt.bought_for, pt.target = planned.decision_id, planned.target
        self._sim.findings.effects.append(f"adopted {planned.decision_id}")
        if len(self._holders(pt)) > 1:
            self._sim.findings.failed("O10", f"{pt.arn} is held by {self._holders(pt)}")
        return True

    def tear_down(self, value: int) -> bool:
        """Look through the stack or, when that was done, take it away; faults strike the calls."""
        access: Any = _Access(self._sim, value)
        plan, self._plan = self._plan, None
        try:
            if plan is None:
                self._plan = plan_of(access, keep_tables=True)
            else:
                self._left = "\n".join(dismantle(access, plan))
        except (CommandError, UnknownOutcomeError):
            return False
        return True

    def check_gone(self) -> None:
        """Row 22: what is ours was deleted, or a person was told that it stays, and why.

        Nobody was where a person gave it other tags or none, or where a term runs.
        """
        self._sim.advance(HOUR)
        for pt in self._sim.bedrock.existing():
            is_told = pt.arn in self._left
            if self._is_ours(pt):
                self._sim.findings.failed("L3", f"{pt.arn} is billed, and nobody watches it")
            elif pt.bought_for is not None and not is_told:
                self._sim.findings.failed("L3", f"nobody was told that {pt.arn} stays")

    def _is_ours(self, pt: SimulatedPt) -> bool:
        """What a teardown deletes."""
        owner = pt.tags[-1].deployment if pt.tags else None
        is_committed = pt.commitment is not Commitment.NONE
        return owner == self._sim.deployment and bool(self._holders(pt)) and not is_committed

    def _holders(self, pt: SimulatedPt) -> list[str]:
        """Decisions whose purchases hold it."""
        fleets = self._sim.ledger.fleets
        return [
            intent.decision_id
            for name in fleets.peek_targets()
            for intent in fleets.peek_purchases(name)
            if intent.arn == pt.arn and intent.state in HOLDING_STATES
        ]

    def _adoption(self) -> Adoption:
        sim = self._sim
        return Adoption(
            fleets=sim.ledger.fleets,
            releasing=sim.bedrock,
            deployment=sim.deployment,
            now=sim.world.now,
        )


class _Access:
    """The stack as the command line reaches it, by a person's own credentials."""

    def __init__(self, simulation: "Simulation", value: int) -> None:
        self._sim = simulation
        self._chance = random.Random(value)  # noqa: S311 - simulation
        self.deployment = simulation.deployment
        self.fleets = simulation.ledger.fleets
        self.clock = simulation.clock
        self.releasing = self.ssm = self
        self.switch_name = "switch"
        self.place = SimpleNamespace(
            account=ACCOUNT, region=REGION, prefix="", ledger="", routes="", consents=""
        )
        self.describe_table: Callable[..., Any] = lambda **_: {"Table": {}}

    def client(self, service: str) -> "_Access":
        """This one answers for all of them."""
        del service
        return self

    def settings(self) -> SimpleNamespace:
        """Those in force."""
        return SimpleNamespace(targets=self._targets())

    def inspection(self) -> SimpleNamespace:
        """What lists throughputs, and shows endpoints."""
        return SimpleNamespace(capacity=self, endpoints=self._sim.endpoints)

    def inventory(self) -> Inventory:
        """The account's, which may break off."""
        bedrock = self._sim.bedrock
        return bedrock.partial_inventory() if self._fails() else bedrock.inventory()

    def get(self, arn: str) -> ListedThroughput | None:
        """One throughput."""
        return self._sim.bedrock.get(arn)

    def delete(self, arn: str) -> None:
        """O5, O7, and the call: its answer may be lost, or its effect."""
        sim, pt = self._sim, self._sim.bedrock.pts[arn]
        held = any(
            intent.arn == arn and intent.state in HOLDING_STATES
            for name in sim.ledger.fleets.peek_targets()
            for intent in sim.ledger.fleets.peek_purchases(name)
        )
        if not held or sim.deployment not in {tags.deployment for tags in pt.tags}:
            sim.findings.failed("O5", f"a teardown deletes {arn}, which is not ours")
        if pt.commitment is not Commitment.NONE:
            sim.findings.failed("O7", f"a teardown deletes {arn}, which is under {pt.commitment}")
        if self._fails():
            raise UnknownOutcomeError("simulated: nothing was deleted")
        sim.bedrock.delete(arn)
        pt.deleted_by_us = False  # callers were not waited for: docs/uninstall.md says so
        if self._fails():
            raise UnknownOutcomeError("simulated: the answer was lost")

    def put_parameter(self, *, Value: str, **_: object) -> None:  # noqa: N803 - the SDK's
        """The switch."""
        self._sim.surroundings.switch = Value

    def delete_stack(self, **_: object) -> None:
        """From now on nothing fires."""
        self._sim.is_gone = True

    @staticmethod
    def get_waiter(name: str) -> SimpleNamespace:
        """It is over at once."""
        del name
        return SimpleNamespace(wait=lambda **_: None)

    @staticmethod
    def get_paginator(name: str) -> SimpleNamespace:
        """Nothing but the stack itself costs anything here."""
        return SimpleNamespace(paginate=lambda **_: [_PAGES[name]])

    def _targets(self) -> Iterable[Target]:
        return self._sim.targets_in_force()

    def _fails(self) -> bool:
        return self._chance.random() < _FAILS
