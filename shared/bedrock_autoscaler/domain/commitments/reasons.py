"""Commitment advice in a decision: sentences with their numbers, and why there is none."""

from datetime import datetime

from bedrock_autoscaler.domain.commitments.advice import (
    Ceiling,
    CommitmentAdvice,
    advise,
    ends_in_time,
    is_long_enough,
    unstudied,
)
from bedrock_autoscaler.domain.commitments.studies import (
    OLDEST_STUDY,
    CommitmentStudy,
)
from bedrock_autoscaler.domain.commitments.terms import terms_of
from bedrock_autoscaler.domain.decision import Classification, Label, Situation
from bedrock_autoscaler.domain.economics.facts import stale_prices
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.target import Commitment, Target, UnitPrice
from bedrock_autoscaler.domain.units import iso, moment_text

_WORDS = {Commitment.ONE_MONTH: "one month", Commitment.SIX_MONTHS: "six months"}
_LASTING = frozenset({Label.STEADY, Label.SEASONAL})


def commitment_reasons(situation: Situation, classification: Classification) -> tuple[Reason, ...]:
    """The advice of the day, or the one thing that stands in its way; nothing without a study."""
    study, bought = situation.observation.commitment, situation.target.provisioned
    if study is None or bought is None or bought.price is None or not terms_of(bought.price):
        return ()
    now = situation.scheduled_at
    obstacle = (
        outdated(study, situation.target, now)
        or unlasting(classification)
        or _obstacle(situation, study)
    )
    if obstacle is not None:
        return (_not_advised(obstacle, study),)
    advice = _advice_of(situation, study, bought.price)
    if not advice:
        rails = situation.target.guard_rails
        return (
            _not_advised(
                "no further unit was used enough to pay on a term within max_units "
                f"{rails.max_units} and max_usd_per_hour {rails.max_usd_per_hour}",
                study,
            ),
        )
    return tuple(_advised(one, study) for one in advice)


def _advice_of(
    situation: Situation, study: CommitmentStudy, price: UnitPrice
) -> tuple[CommitmentAdvice, ...]:
    """What the study advises within the guard rails."""
    return advise(
        study,
        price,
        lasting_units=situation.fleet.lasting_units,
        now=situation.scheduled_at,
        ceiling=Ceiling.of(situation.target.guard_rails, situation.fleet, price),
    )


def outdated(study: CommitmentStudy, target: Target, now: datetime) -> str | None:
    """What any advice would rest on and is too old for it; None when nothing is."""
    if now - study.at > OLDEST_STUDY:
        return (
            f"the newest study is of {moment_text(study.at)}, more than {OLDEST_STUDY.days} days "
            "ago: its use could not be studied since"
        )
    stale = stale_prices(target, now)
    return stale[0].message if stale else None


def unlasting(classification: Classification) -> str | None:
    """Why the class in force allows no advice; None when it does."""
    if classification.label in _LASTING:
        return None
    return f"the class is {classification.label.value}; steady and seasonal traffic alone lasts"


def _obstacle(situation: Situation, study: CommitmentStudy) -> str | None:
    """What forbids every term; None when some term may be looked at."""
    bought = situation.target.provisioned
    terms = terms_of(bought.price) if bought and bought.price else ()
    lasting = [term for term in terms if is_long_enough(study, term)]
    if not lasting:
        needed = min(term.days_needed for term in terms)
        return (
            f"{study.known_days:.0f} days are known and the class has lasted {study.steady_days}; "
            f"the shortest term needs {needed} of both"
        )
    if not any(ends_in_time(study, term, situation.scheduled_at) for term in lasting):
        end = "" if study.model_ends_at is None else iso(study.model_ends_at)
        return f"the model ends on {end}, before any term would"
    return unstudied(situation.fleet.lasting_units)


def _advised(advice: CommitmentAdvice, study: CommitmentStudy) -> Reason:
    return Reason(
        code=ReasonCode.COMMITMENT_PAYS,
        message=_sentence(advice, study),
        numbers=(
            ("units", float(advice.units)),
            ("first_unit", float(advice.first_level)),
            ("usd_per_hour", advice.usd_per_hour),
            ("term_usd", advice.term_usd),
            ("saving_usd", advice.saving_usd),
            ("saving_low_usd", advice.saving_low_usd),
            ("saving_high_usd", advice.saving_high_usd),
            ("quantile", advice.quantile),
            ("utilization_28_days", advice.utilization),
            ("utilization_56_days", advice.utilization_two_months),
            ("steady_days", float(study.steady_days)),
            ("spent_share", advice.spent_share),
            ("regret_if_halved_usd", advice.regret_halved_usd),
            ("regret_if_ended_usd", advice.regret_ended_usd),
        ),
    )


def _sentence(advice: CommitmentAdvice, study: CommitmentStudy) -> str:
    last = advice.first_level + advice.units - 1
    end = "none announced" if study.model_ends_at is None else iso(study.model_ends_at)
    return (
        f"units {advice.first_level} to {last} would be cheaper for "
        f"{_WORDS[advice.commitment]}: {advice.term_usd:,.0f} USD at {advice.usd_per_hour:.2f} per "
        f"unit-hour save {advice.saving_usd:,.0f}, if the term is like the past weeks "
        f"({advice.saving_low_usd:+,.0f} like the worst of them, "
        f"{advice.saving_high_usd:+,.0f} like the best). Demand does not fill "
        f"them in {advice.quantile:.0%} of minutes; they were used "
        f"{advice.utilization:.0%} over 28 days and {advice.utilization_two_months:.0%} over 56, "
        f"the class has lasted {study.steady_days} days, and what they cost in 28 days is "
        f"{advice.spent_share:.0%} of the term's price. If demand halves tomorrow it loses "
        f"{advice.regret_halved_usd:,.0f} USD, if it ends {advice.regret_ended_usd:,.0f}. End of "
        f"the model: {end}. AWS renews a term unless it is deleted in time; advice alone buys "
        "nothing"
    )


def _not_advised(obstacle: str, study: CommitmentStudy) -> Reason:
    return Reason(
        code=ReasonCode.COMMITMENT_NOT_ADVISED,
        message=f"no commitment is advised: {obstacle}",
        numbers=(
            ("known_days", study.known_days),
            ("steady_days", float(study.steady_days)),
        ),
    )
