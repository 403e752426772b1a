"""What is wrong with the settings, said in each tick as long as it lasts."""

from bedrock_autoscaler.application.ports.persons import Reporter
from bedrock_autoscaler.application.ports.settings import Settings

_NOTHING = (
    "there is no target's document, so that nothing is decided: nobody looks after throughputs or "
    "callers"
)


def report_settings(settings: Settings, reporter: Reporter) -> None:
    """Tell each problem; where nothing is there to have one, tell that."""
    for problem in settings.problems:
        reporter.alarm("settings_rejected", problem.document, problem.text)
    if not settings.targets and not settings.problems:
        reporter.alarm("settings_rejected", "", _NOTHING)
