"""Log lines and metrics, through Powertools: fields by allow-list, outside text cut and escaped."""

from typing import IO, Any, Final, override

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from pydantic_core import to_json

from bedrock_autoscaler.application.ports.persons import Reporter
from bedrock_autoscaler.domain.consents.consent import Request
from bedrock_autoscaler.domain.decision import (
    Action,
    Decision,
    Purchase,
    Release,
    Restore,
)
from bedrock_autoscaler.domain.units import iso

NAMESPACE: Final = "BedrockAutoscaler"

FIELDS = frozenset(
    {
        "arn",
        "attempts",
        "cause",
        "code",
        "decision_id",
        "detail",
        "doubts",
        "drained_minutes",
        "endpoint",
        "error",
        "first_gaps",
        "from_instances",
        "gaps",
        "grace_minutes",
        "loop",
        "minutes",
        "model_id",
        "model_units",
        "name",
        "outcome",
        "problem",
        "quotes",
        "reason",
        "refused",
        "region",
        "saving_usd_per_hour",
        "scheduled_at",
        "state",
        "subject",
        "to_instances",
        "units",
        "usd",
        "usd_per_hour",
        "version",
    }
)
"""What an event may carry; anything else is left out, and its name is reported instead."""

_LONGEST = 256
_LONGEST_LIST = 50


class PowertoolsReporter(Reporter):
    """One JSON line per decision, event and alarm; counters in CloudWatch's embedded format.

    Metrics have the dimension Deployment, and Target or Alarm beside it; both take few values.

    Args:
        deployment: id of this deployment.
        level: least level that is logged; metrics are put at any level.
        stream: where log lines go; the standard output by default.
    """

    def __init__(self, deployment: str, level: str, stream: IO[str] | None = None) -> None:
        self._deployment = deployment
        # Messages are words: by default each is first tried as a document of JSON.
        self._logger = Logger(
            level=level,
            stream=stream,
            location=None,
            json_deserializer=str,
            json_serializer=_to_line,
        )

    @override
    def decided(self, decision: Decision) -> None:
        """One line with the verdict and the reasons, and the decision's counters."""
        classification = decision.classification
        self._logger.info(
            "decision",
            extra={
                "decision_id": cleaned(decision.id),
                "target": cleaned(decision.target),
                "loop": decision.loop.value,
                "scheduled_at": iso(decision.scheduled_at),
                "mode": decision.mode.value,
                "label": classification.label.value if classification else None,
                "verdict": classification.verdict.value if classification else None,
                "desired_units": decision.desired_units,
                "allowed_units": decision.allowed_units,
                "actual_units": decision.actual_units,
                "actions": [_named(action) for action in decision.actions],
                "reason_codes": [reason.code.value for reason in decision.reasons],
                "reasons": [cleaned(reason.message) for reason in decision.reasons[:_LONGEST_LIST]],
                "saving_usd_per_hour": decision.expected_saving_usd_per_hour,
                "settings_version": cleaned(decision.settings_version),
            },
        )
        self._count_decision(decision)

    @override
    def happened(self, event: str, target: str, **fields: str | float) -> None:
        """One line on an outcome, a repair or a refusal."""
        allowed = {
            name: cleaned(value) if isinstance(value, str) else value
            for name, value in fields.items()
            if name in FIELDS
        }
        left_out = sorted(fields.keys() - FIELDS)
        if left_out:
            allowed["left_out"] = cleaned(", ".join(left_out))
        self._logger.info(cleaned(event), extra={"target": cleaned(target), **allowed})

    @override
    def alarm(self, alarm: str, target: str, message: str) -> None:
        """A warning line, and one count of the metric `Alarms` under this alarm's name."""
        self._logger.warning(
            "alarm",
            extra={"alarm": cleaned(alarm), "target": cleaned(target), "detail": cleaned(message)},
        )
        metrics = self._metrics("Alarm", cleaned(alarm))
        # Counted without its name too: one CloudWatch alarm then watches all names, new ones too.
        metrics.add_dimensions(Deployment=self._deployment)
        metrics.add_metric("Alarms", MetricUnit.Count, 1)
        metrics.flush_metrics()

    @override
    def asks(self, request: Request) -> None:
        """A line with what is asked, and a count; it is no alarm, which would last for days."""
        self._logger.info(
            "approval_asked",
            extra={
                "target": cleaned(request.target),
                "subject": cleaned(request.id),
                "units": request.units,
                "usd_per_hour": float(request.usd_per_hour_in_all),
                "detail": f"{request.term.value}; unanswered until {iso(request.expires_at)} it is "
                "a no",
            },
        )
        metrics = self._metrics("Target", cleaned(request.target))
        metrics.add_metric("Requests", MetricUnit.Count, 1)
        metrics.flush_metrics()

    @override
    def flush(self) -> None:
        """Nothing waits: lines and metrics are written at once."""

    def _count_decision(self, decision: Decision) -> None:
        """Counts for each target that holds or wants units, or is about to.

        CloudWatch bills each metric of each target by the month, ten times what all else of a
        quiet target costs: of one without units there is nothing to plot.
        """
        units = (decision.desired_units, decision.allowed_units, decision.actual_units)
        if decision.is_hold and not any(units):
            return
        metrics = self._metrics("Target", cleaned(decision.target))
        counts = {
            "Decisions": 1,
            "Holds": int(decision.is_hold),
            "Purchases": sum(isinstance(action, Purchase) for action in decision.actions),
            "Releases": sum(isinstance(action, Release) for action in decision.actions),
            "DesiredModelUnits": decision.desired_units,
            "AllowedModelUnits": decision.allowed_units,
            "ActualModelUnits": decision.actual_units,
        }
        for name, value in counts.items():
            metrics.add_metric(name, MetricUnit.Count, value)
        metrics.flush_metrics()

    def _metrics(self, dimension: str, value: str) -> EphemeralMetrics:
        metrics = EphemeralMetrics(namespace=NAMESPACE)
        # The functions' service name would split each series by function.
        metrics.service = ""
        metrics.add_dimension("Deployment", self._deployment)
        metrics.add_dimension(dimension, value or "none")
        return metrics


def _to_line(members: dict[str, Any]) -> str:
    return to_json(members, fallback=str).decode()


def cleaned(text: str) -> str:
    """Outside text on one line of at most 256 characters, control characters escaped."""
    if len(text) <= _LONGEST and text.isprintable():
        return text
    printable = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text[:_LONGEST]
    )
    return printable if len(printable) <= _LONGEST else f"{printable[: _LONGEST - 3]}..."


def _named(action: Action) -> str:
    """An action as one phrase."""
    match action:
        case Purchase():
            return cleaned(f"purchase {action.model_units} of {action.model_id}")
        case Release():
            return cleaned(f"release {action.arn}")
        case Restore():
            return cleaned(f"restore {action.arn}")
