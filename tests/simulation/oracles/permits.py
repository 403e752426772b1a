"""Whether a call may be sent at all: the mode, the switch, the time that is left."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bedrock_autoscaler.domain.acting.controls import Controls, is_open
from bedrock_autoscaler.domain.target import Mode, Target
from tests.simulation.gate import Run
from tests.simulation.oracles.findings import Findings
from tests.simulation.oracles.surroundings import Surroundings

_BUDGET = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class PermitOracles:
    """Asked right before each call that changes something."""

    world: Surroundings
    findings: Findings

    def permitted(self, run: Run, name: str, what: str) -> None:
        """O12: asked right before, and answered `allow`; advise mode sends nothing."""
        failed, switch = self.findings.failed, self.world.switch
        target = run.target(name)
        if target is not None and target.mode is Mode.ADVISE:
            failed("O12", f"{what} for {name} in mode advise")
        if not run.allowed.get(name, False):
            failed("O12", f"{what} for {name} against the switch's last answer")
        elif run.last_call != "switch.allows_action" and switch != "allow":
            failed("O12", f"{what} for {name}: the switch is {switch!r} and was not read")

    def unpaused(self, run: Run, target: Target, what: str, *, grows: bool) -> None:
        """O12: no pause and no change window of a person holds, by the run's own clock."""
        is_paused = _is_growth_paused if grows else _is_shrink_paused
        times = (run.started_at, run.last_at or self.world.time.now)
        if all(is_paused(target.controls, moment + run.skew) for moment in times):
            self.findings.failed("O12", f"{what} for {target.name} against {target.controls}")

    def in_time(self, run: Run, what: str) -> None:
        """Row 42: a mutating call starts only when it and its record still fit."""
        at = run.last_at or self.world.time.now
        if run.deadline_at - at < _BUDGET:
            self.findings.failed("O13", f"{what} with {run.deadline_at - at} left")


def _is_growth_paused(controls: Controls, at: datetime) -> bool:
    until = controls.pause_growth_until
    return controls.pause_growth or (until is not None and at < until)


def _is_shrink_paused(controls: Controls, at: datetime) -> bool:
    until = controls.pause_shrink_until
    is_paused = controls.pause_shrink or (until is not None and at < until)
    return is_paused or any(is_open(window, at) for window in controls.shrink_windows)
