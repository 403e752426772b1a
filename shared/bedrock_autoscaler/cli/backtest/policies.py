"""The shipped policy for a backtest, from the same settings document that a target has in SSM."""

import json

from bedrock_autoscaler.adapters.documents.parser import parse_for_backtest
from bedrock_autoscaler.adapters.documents.text import merged
from bedrock_autoscaler.application.ports.settings import SettingsProblem
from bedrock_autoscaler.backtest.core_policy import CorePolicy, CoreSettings
from bedrock_autoscaler.backtest.errors import SettingsError
from bedrock_autoscaler.backtest.policy import DEFAULT_PUBLICATION_LAG_MINUTES, PolicyContext
from bedrock_autoscaler.backtest.scenario import Scenario


def core_policy(context: PolicyContext) -> CorePolicy:
    """The decision core under the settings of this run; a `PolicyFactory`.

    The newest rows shown are as old as `observing.settling_minutes` where the document sets it,
    else as old as the contract's publication lag.

    Raises:
        SettingsError: the document cannot be used; the text names the field and what is allowed.
    """
    path = context.settings_path or "shipped defaults"
    text = None if context.settings is None else json.dumps(context.settings)
    parsed = parse_for_backtest(path, text)
    if isinstance(parsed, SettingsProblem):
        subject = f"{parsed.field}: " if parsed.field else ""
        raise SettingsError(path, None, f"{subject}{parsed.message}")
    stated = (context.settings or {}).get("observing")
    settles = isinstance(stated, dict) and "settling_minutes" in stated
    lag = (
        parsed.thresholds.observing.settling_minutes if settles else DEFAULT_PUBLICATION_LAG_MINUTES
    )
    settings = CoreSettings(
        slo=parsed.slo,
        guard_rails=parsed.guard_rails,
        thresholds=parsed.thresholds,
        publication_lag_minutes=lag,
        shown=merged(parsed.shown, _set_by_the_run(context.scenario, lag)),
        consents=parsed.consents,
    )
    return CorePolicy(context.scenario, settings, context.start)


def _set_by_the_run(scenario: Scenario, lag_minutes: int) -> dict[str, dict[str, float]]:
    """What the scenario and the contract say in place of the document."""
    return {
        "slo": {"throttle_cost_factor": scenario.throttle_factor},
        "observing": {"settling_minutes": lag_minutes},
        "sizing": {
            "lead_minutes": scenario.creation_minutes,
            "billing_minutes": scenario.billing_minutes,
        },
    }
