"""The daily look at eight weeks of kept history, for advice on commitments."""

from datetime import datetime, timedelta

from bedrock_autoscaler.application.errors import ObservationError
from bedrock_autoscaler.application.observing.counting import counted
from bedrock_autoscaler.application.observing.keeping import Kept
from bedrock_autoscaler.application.ports.bedrock import Capacity
from bedrock_autoscaler.application.ports.history import History
from bedrock_autoscaler.application.ports.persons import Reporter
from bedrock_autoscaler.domain.commitments.studies import CommitmentStudy
from bedrock_autoscaler.domain.commitments.studying import study_commitment
from bedrock_autoscaler.domain.commitments.terms import STUDY_DAYS, terms_of
from bedrock_autoscaler.domain.target import Target
from bedrock_autoscaler.domain.unit_rates.rate_choice import rate_in_use, with_rate
from bedrock_autoscaler.domain.unit_rates.rates import RateMeasurement
from bedrock_autoscaler.domain.units import HOUR, floor_hour

_BETWEEN_STUDIES = timedelta(days=1)


class Advisor:
    """Studies at most one target a tick, since eight weeks of minutes are much to load.

    One whose study comes to nothing waits for an hour: it must not take the turn of all others.

    Args:
        unstudied: those that wait, of the ticks before.
    """

    def __init__(
        self,
        history: History,
        capacity: Capacity,
        reporter: Reporter,
        unstudied: Kept[str, bool],
    ) -> None:
        self._history = history
        self._capacity = capacity
        self._reporter = reporter
        self._unstudied = unstudied
        self._is_used = False

    def study(
        self,
        target: Target,
        end: datetime,
        rate: RateMeasurement | None,
        before: CommitmentStudy | None,
    ) -> CommitmentStudy | None:
        """The study of the day: the previous one until it is a day old.

        Args:
            target: as the settings say.
            end: of the settled minutes.
            rate: what is measured of the unit rate.
            before: the previous study.
        """
        whole = floor_hour(end)
        is_recent = before is not None and whole - before.at < _BETWEEN_STUDIES
        rated = with_rate(target, rate_in_use(target.provisioned, rate))
        if is_recent or self._is_used or not _has_terms(rated) or self._waits(target, end):
            return before
        self._is_used = True
        found = self._studied(rated, whole)
        if found is None:
            self._unstudied.get(target.name, end, lambda: True)
        return found or before

    def _waits(self, target: Target, now: datetime) -> bool:
        """Whether a study of it came to nothing within the hour."""
        return self._unstudied.get(target.name, now, lambda: False, keep=bool)

    def _studied(self, target: Target, end: datetime) -> CommitmentStudy | None:
        """A new study; None where it came to nothing."""
        bought = target.provisioned
        end_of_model = None if bought is None else self._capacity.end_of_life(bought.model_id)
        if end_of_model is None:
            return None
        try:
            stored = self._history.load(target.name, end - STUDY_DAYS * 24 * HOUR, end)
        except ObservationError as error:
            self._reporter.alarm("history_unread", target.name, str(error))
            return None
        if not stored.reference.revisions:
            return None
        traffic = counted(stored.total, stored.traffic, target)
        return study_commitment(target, traffic, model_ends_at=end_of_model.at)


def _has_terms(target: Target) -> bool:
    """Whether anything is sold on a term, and all is known that a study needs."""
    bought = target.provisioned
    if bought is None or bought.price is None or bought.unit_rate is None:
        return False
    return bool(terms_of(bought.price))
