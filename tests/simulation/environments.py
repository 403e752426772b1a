"""The functions as deployed: the application over ports that pass the gate, cold and warm."""

from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, assert_never

from bedrock_autoscaler.application.assembling import Application
from bedrock_autoscaler.application.ports.settings import Settings
from bedrock_autoscaler.application.settings.in_force import load_settings
from bedrock_autoscaler.application.settings.snapshots import SettingsReader
from bedrock_autoscaler.application.ticking import Summary
from bedrock_autoscaler.domain.decision import Decision, Situation
from bedrock_autoscaler.domain.target import Loop
from bedrock_autoscaler.domain.units import MINUTE, floor_period
from tests.builders import ACCOUNT, REGION
from tests.simulation.clocks import SkewedClock, TrueDeadline
from tests.simulation.fanning import FannedApplication
from tests.simulation.gate import Gated, Run, calls_of
from tests.simulation.parsing import PARSERS
from tests.simulation.schedule import Firing, Function

if TYPE_CHECKING:
    from tests.simulation.engine import Simulation


class Environments:
    """What Lambda keeps of each function between its runs."""

    def __init__(self, simulation: "Simulation") -> None:
        self._sim = simulation
        self._ports = self._gated()
        self._warm: dict[Function, Application] = {}

    def take(self, firing: Firing) -> Application:
        """The environment that runs it: the warm one of its function, or a new one."""
        if firing.cold:
            self.drop(firing.function)
        found = self._warm.get(firing.function)
        if found is None:
            found = self.build()
            self._warm[firing.function] = found
        return found

    def drop(self, function: Function) -> None:
        """The warm one is gone, as after its death."""
        self._warm.pop(function, None)

    def build(self) -> Application:
        """A new environment: nothing of an earlier one is remembered."""
        adapters: Any = SimpleNamespace(**self._ports, settings=self._settings_reader())
        make = FannedApplication if self._sim.plan.fans_out else Application
        return make(
            adapters,
            deployment=self._sim.deployment,
            code_version="1.2.3",
            decide=self._decide,
        )

    def call(
        self, application: Application, function: Function, scheduled: datetime, run: Run
    ) -> str:
        """What the function's handler does."""
        deadline = TrueDeadline(self._sim.world, run)
        if isinstance(application, FannedApplication):
            run.settings = application.settings_kept
        match function:
            case Function.ROUTING | Function.CAPACITY:
                summary = self._decided(application, function, scheduled, deadline)
            case Function.DISPATCH | Function.VISIT:
                summary = self._handed_out(application, function, scheduled, deadline)
            case Function.PURCHASE:
                summary = application.purchase(scheduled, deadline)
            case Function.RELEASE:
                summary = application.release(scheduled, deadline)
            case Function.PUBLISH:
                summary = application.publish(scheduled)
            case Function.SCALE:
                summary = application.scale_endpoint(scheduled, deadline)
            case _:
                assert_never(function)
        return str(summary.outcomes)

    def _decided(
        self, application: Application, function: Function, at: datetime, deadline: TrueDeadline
    ) -> Summary:
        if function is Function.ROUTING:
            return application.observe_and_decide(Loop.ROUTING, at, deadline)
        period = self._sim.plan.decision_minutes * MINUTE
        return application.observe_and_decide(Loop.CAPACITY, floor_period(at, period), deadline)

    def _handed_out(
        self, application: Application, function: Function, at: datetime, deadline: TrueDeadline
    ) -> Summary:
        if not isinstance(application, FannedApplication):
            raise TypeError(f"{function} where nothing fans out")
        if function is Function.DISPATCH:
            return application.fleet.dispatch(at)
        worker = application.fleet
        return self._sim.queue.visit(lambda assignments: worker.visit(assignments, deadline))

    def _decide(self, situation: Situation) -> Decision:
        return self._sim.core(situation)

    def _settings_reader(self) -> Callable[[], Settings]:
        gate, ledger = self._sim.gate, self._sim.ledger
        parameters: Any = Gated(gate, self._sim.parameters, {"documents": "settings.documents"})
        last_good: Any = Gated(
            gate,
            ledger.last_good,
            {
                "get": "settings.last_good",
                "texts": "settings.last_good",
                "put": "settings.keep_last_good",
            },
        )
        parser = PARSERS[self._sim.plan.decision_minutes]

        def load(documents: Any) -> Settings:
            return load_settings(documents, parser, last_good, account=ACCOUNT, region=REGION)

        reader = SettingsReader(parameters, load)

        def read() -> Settings:
            settings = reader()
            if gate.run is not None:
                gate.run.settings = settings
            return settings

        return read

    def _gated(self) -> dict[str, Any]:
        """The ports by the names of the application, those that it has not as None."""
        sim, gate = self._sim, self._sim.gate
        bedrock, ledger = sim.bedrock, sim.ledger
        gate.alternatives = {
            "capacity.inventory": bedrock.partial_inventory,
            "capacity.is_active": lambda _: None,
            "capacity.end_of_life": lambda _: None,
            "capacity.model_unit_quota": lambda *_: None,
            "metrics.read": sim.metrics.partial_read,
            "switch.allows_action": lambda _: False,
        }
        switch = SimpleNamespace(allows_action=lambda _: sim.surroundings.switch == "allow")
        ports: dict[str, object] = {
            "metrics": sim.metrics,
            "capacity": bedrock,
            "purchasing": bedrock,
            "releasing": bedrock,
            "decisions": ledger.decisions,
            "fleets": ledger.fleets,
            "history": ledger.history,
            "tables": sim.tables,
            "switch": switch,
        }
        if sim.plan.endpoints:
            ports |= {"endpoints": sim.endpoints, "scalings": ledger.scalings}
        if sim.plan.fans_out:
            ports |= {"policies": ledger.policies, "agenda": ledger.agenda}
        if sim.plan.asks:
            ports["approvals"] = sim.approvals
        # What a plan leaves out is not there: the consents of schedules are given with the plan.
        gated: dict[str, Any] = dict.fromkeys(("endpoints", "scalings", "approvals"))
        gated |= {name: Gated(gate, port, calls_of(name)) for name, port in ports.items()}
        gated["assignments"] = sim.queue
        gated["clock"] = SkewedClock(sim.world, gate)
        gated["reporter"] = sim.reporter
        return gated
