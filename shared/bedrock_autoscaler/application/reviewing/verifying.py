"""The oracles of the failure model, as far as one look at an account can tell.

A violation means that a promise was broken. A notice means that a person should know: caps that
were lowered below what is held, throughputs of others, a purchase that is still being looked up.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

from bedrock_autoscaler.application.observing.stacking import booked_together
from bedrock_autoscaler.application.observing.surveying import GRACE, Survey, set_apart, untagged
from bedrock_autoscaler.application.ports.bedrock import ListedThroughput
from bedrock_autoscaler.application.ports.ledger import LedgerState
from bedrock_autoscaler.application.purchasing.accounting import purchases_since, releases_since
from bedrock_autoscaler.application.reviewing.findings import Finding, notice, violation
from bedrock_autoscaler.application.reviewing.inspecting import Facts, TargetFacts
from bedrock_autoscaler.application.reviewing.replaying import replay
from bedrock_autoscaler.application.reviewing.verifying_endpoints import endpoint_findings
from bedrock_autoscaler.domain.consents.consent import RecordedConsent
from bedrock_autoscaler.domain.fleet.holdings import Fleet, Ownership, Spend, Status
from bedrock_autoscaler.domain.fleet.intent import HOLDING_STATES, PurchaseIntent, ReleaseState
from bedrock_autoscaler.domain.fleet.spend_caps import spend_caps
from bedrock_autoscaler.domain.target import Commitment, OptionKind, Target
from bedrock_autoscaler.domain.units import MINUTE, in_a_day, units_text, usd

_TICKS = 3 * MINUTE
_SENT = frozenset({ReleaseState.DELETING, ReleaseState.DELETED})


def verify(facts: Facts) -> tuple[Finding, ...]:
    """Every finding, by target and oracle."""
    found = [*_stack_findings(facts)]
    for target in facts.targets:
        found += _target_findings(facts, target)
    return tuple(found)


def _target_findings(facts: Facts, one: TargetFacts) -> Iterator[Finding]:
    yield from _reserved(one)
    yield from _consented(facts, one)
    yield from _released(facts, one)
    yield from _traced(facts, one)
    yield from _routed(facts, one)
    yield from _replayed(one)
    yield from endpoint_findings(facts, one, is_admitted=_is_admitted(one))
    if one.target is not None and one.is_seen:
        fleet = fleet_of(facts, one, one.target)
        spend = fleet.spend + facts.costs.of_target(one.name).spend
        yield from _within_caps(one, one.target, fleet, spend)
        yield from _paced(facts, one, one.target)
        yield from _strangers(one, fleet)


def fleet_of(facts: Facts, one: TargetFacts, target: Target) -> Fleet:
    """What the target holds, by inventory and ledger."""
    purchases = (intent for each in facts.targets for intent in each.state.purchases)
    inventory = facts.inventory_at(target)
    survey = Survey(
        inventory=inventory,
        deployment=facts.deployment,
        neighbours=frozenset(target.name for target in facts.settings.targets),
        now=facts.now,
    )
    return set_apart(survey.fleet(target, one.state), untagged(inventory, purchases, facts.now))


# -- O1, O2: units and dollars -----------------------------------------------------------------


def _within_caps(one: TargetFacts, target: Target, fleet: Fleet, spend: Spend) -> Iterator[Finding]:
    """What is held against the caps in force; a cap that was lowered later is no breach."""
    rails = target.guard_rails
    finding = violation if _is_admitted(one) else notice
    if fleet.held_units > rails.max_units:
        text = f"held or open: {units_text(fleet.held_units)}, max_units is {rails.max_units}"
        yield finding("O1", one.name, text)
    dollars = usd(one.state.record.reserved_usd_per_hour)
    if dollars > rails.max_usd_per_hour:
        text = f"{dollars} USD per hour are reserved, max_usd_per_hour is {rails.max_usd_per_hour}"
        yield finding("O2", one.name, text)
    for cap in spend_caps(rails, spend):
        if cap.is_crossed:
            yield notice("O2", one.name, cap.told)


def _is_admitted(one: TargetFacts) -> bool:
    """Whether the settings in force are those that the newest decision knew."""
    known = {recorded.decision.settings_version for recorded in one.newest}
    return one.target is not None and one.target.settings_version in known


def _reserved(one: TargetFacts) -> Iterator[Finding]:
    """The sums that fence purchases are those of the intents."""
    units, dollars = _held(one.state)
    record = one.state.record
    if (record.reserved_units, record.reserved_usd_per_hour) != (units, dollars):
        yield violation(
            "O1",
            one.name,
            f"the ledger reserves {units_text(record.reserved_units)} for "
            f"{record.reserved_usd_per_hour} USD per hour, its intents hold {units} for {dollars}",
        )


def _held(state: LedgerState) -> tuple[int, Decimal]:
    held = [intent for intent in state.purchases if intent.state in HOLDING_STATES]
    return (
        sum(intent.model_units for intent in held),
        sum((intent.usd_per_hour for intent in held), Decimal(0)),
    )


# -- O3, O4, O9, O10: purchases ----------------------------------------------------------------


def _consented(facts: Facts, one: TargetFacts) -> Iterator[Finding]:
    for intent in one.state.purchases:
        if intent.commitment is Commitment.NONE:
            continue
        consent = facts.consents.get(intent.consent_id or "")
        if intent.state in HOLDING_STATES and not _covers(consent, intent):
            text = f"{intent.decision_id} committed to a term without a consent to it"
            # Which one an adopted purchase had used is lost with its record, if it was ours.
            is_adopted = intent.consent_id is None and intent.adopted_by is not None
            yield (notice if is_adopted else violation)("O3", one.name, text)
    by_arn = {intent.arn: intent for intent in one.state.purchases}
    for pt in facts.inventory.throughputs:
        bought = by_arn.get(pt.arn)
        if bought is not None and pt.commitment is not bought.commitment:
            text = f"{pt.arn} is under {pt.commitment.value}, bought as {bought.commitment.value}"
            yield violation("O3", one.name, text)


def _covers(consent: RecordedConsent | None, intent: PurchaseIntent) -> bool:
    if consent is None:
        return False
    agreed = (consent.used_by, consent.target, consent.model_id, consent.units, consent.term)
    bought = (
        intent.decision_id,
        intent.target,
        intent.model_id,
        intent.model_units,
        intent.commitment,
    )
    price = intent.usd_per_hour / intent.model_units
    return agreed == bought and price <= consent.max_usd_per_hour


def _traced(facts: Facts, one: TargetFacts) -> Iterator[Finding]:
    """Each purchase has its decision, and an outcome within the grace."""
    for decision_id in one.undecided:
        yield violation("O10", one.name, f"the ledger has no decision {decision_id}")
    for intent in one.state.open_purchases:
        age = facts.now - intent.recorded_at
        text = f"{intent.decision_id} has had no outcome for {age // MINUTE} minutes"
        if age > GRACE + _TICKS:
            yield violation("O10", one.name, text)
        else:
            yield notice("O10", one.name, f"{text}; it is being looked up")


def _stack_findings(facts: Facts) -> Iterator[Finding]:
    ours = [pt for pt in facts.inventory.throughputs if pt.deployment == facts.deployment]
    for decision_id, count in Counter(pt.decision_id for pt in ours).items():
        if decision_id is not None and count > 1:
            yield violation("O4", "", f"{decision_id} has bought {count} throughputs")
    held = [_held(one.state) for one in facts.targets]
    sums = (sum(units for units, _ in held), sum((usd for _, usd in held), Decimal(0)))
    account = facts.account
    if (account.reserved_units, account.reserved_usd_per_hour) != sums:
        yield violation(
            "O1",
            "",
            f"the ledger reserves {units_text(account.reserved_units)} for "
            f"{account.reserved_usd_per_hour} USD per hour over all targets, its intents hold "
            f"{sums[0]} for {sums[1]}",
        )
    rails = facts.settings.rails
    if account.reserved_units > rails.max_units:
        text = f"reserved: {units_text(account.reserved_units)}, the stack's max_units is"
        yield notice("O1", "", f"{text} {rails.max_units}")
    yield from _stack_dollars(facts)
    yield from _orphans(facts, ours)


def _stack_dollars(facts: Facts) -> Iterator[Finding]:
    """Units and instances of all targets; an endpoint that cannot be read is said to be missing."""
    if facts.read_costs is None:
        text = "what endpoints cost could not be read: the caps on dollars are held against units"
        yield notice("O2", "", f"{text} alone")
    rails, costs = facts.settings.stack, facts.costs
    if rails is None:  # the caps are the targets' together, and are looked at one by one
        return
    dollars = usd(facts.account.reserved_usd_per_hour + costs.usd_per_hour)
    if dollars > rails.max_usd_per_hour:
        text = f"all targets cost {dollars} USD per hour, the stack's max_usd_per_hour is"
        yield notice("O2", "", f"{text} {rails.max_usd_per_hour}")
    purchases = {one.name: one.state.purchases for one in facts.targets}
    spend = booked_together(facts.settings.targets, purchases, facts.now) + costs.spend
    for cap in spend_caps(rails, spend):
        if cap.is_crossed:
            yield notice("O2", "", cap.told_of_stack)


def _orphans(facts: Facts, ours: list[ListedThroughput]) -> Iterator[Finding]:
    """PTs that carry our tag and that nobody watches, or that no purchase explains."""
    in_force = {target.name for target in facts.settings.targets}
    intents = [intent for one in facts.targets for intent in one.state.purchases]
    for pt in ours:
        if pt.target not in in_force:
            text = f"{pt.arn} is tagged as ours, but its target {pt.target!r} is not in force"
            yield notice("O10", pt.target or "", f"{text}; it is billed and nobody watches it")
        explained = [i for i in intents if i.arn == pt.arn or i.decision_id == pt.decision_id]
        if not explained:
            text = f"{pt.arn} carries our tag, but the ledger knows no purchase of it"
            yield violation("O10", pt.target or "", f"{text}; adopt it or delete it by hand")
        elif all(intent.arn != pt.arn and intent.name != pt.name for intent in explained):
            text = f"{pt.arn} is named {pt.name}, which no intent asked for"
            yield violation("O9", pt.target or "", text)


def _strangers(one: TargetFacts, fleet: Fleet) -> Iterator[Finding]:
    for pt in fleet.throughputs:
        if pt.ownership is Ownership.UNMANAGED and pt.arn not in fleet.strays:
            text = f"{pt.arn} of {units_text(pt.model_units)} is not ours: counted, never deleted"
            yield notice("O5", one.name, text)


# -- O5, O7, O13: releases ---------------------------------------------------------------------


def _released(facts: Facts, one: TargetFacts) -> Iterator[Finding]:
    committed = {
        pt.arn for pt in facts.inventory.throughputs if pt.commitment is not Commitment.NONE
    }
    for release in one.state.releases:
        if release.state not in _SENT:
            continue
        bought = one.state.purchase_of(release.arn)
        if bought is None:
            text = f"{release.decision_id} deleted {release.arn}, which the ledger never held"
            yield violation("O5", one.name, text)
        if release.arn in committed:
            text = f"{release.decision_id} sent a Delete for {release.arn}, which is under a term"
            yield violation("O7", one.name, text)
        has_served = bought is None or bought.in_service_since is not None
        if has_served and release.withdrawn_at is None:
            text = f"{release.decision_id} sent a Delete for {release.arn} before it left the table"
            yield violation("O6", one.name, text)


def _paced(facts: Facts, one: TargetFacts, target: Target) -> Iterator[Finding]:
    rails = target.guard_rails
    finding = violation if _is_admitted(one) else notice
    bought = purchases_since(one.state.purchases, facts.now)
    if bought > rails.max_purchases_per_day:
        text = in_a_day(bought, rails.max_purchases_per_day, "purchase")
        yield finding("O13", one.name, text)
    released = releases_since(one.state.releases, facts.now)
    if released > rails.max_releases_per_day:
        text = in_a_day(released, rails.max_releases_per_day, "release")
        yield finding("O13", one.name, text)
    if one.state.record.tripped_at is not None:
        text = f"the breaker tripped ({one.state.record.tripped_by})"
        yield notice("O13", one.name, f"{text}; reset-breaker closes it")


# -- O11, O14: routes and replay ---------------------------------------------------------------


def _routed(facts: Facts, one: TargetFacts) -> Iterator[Finding]:
    """The table in force, and the copy that callers read; nothing where nobody looked."""
    if one.table is None or not one.is_seen:
        return
    serving = {pt.arn for pt in facts.inventory.throughputs if pt.status is Status.IN_SERVICE}
    fresh = facts.now - one.table.published_at < timedelta(minutes=2)
    for route in one.table.routes:
        if route.kind is OptionKind.PROVISIONED and route.address not in serving and not fresh:
            text = f"the table names {route.address}, which is not in service"
            yield violation("O11", one.name, text)
    seen = one.projected.version if one.projected else 0
    if seen > one.table.version:
        text = f"callers read version {seen}, the authority has {one.table.version}"
        yield violation("O11", one.name, text)
    elif seen < one.table.version:
        text = f"callers read version {seen}, {one.table.version} is in force"
        yield notice("O11", one.name, text)


def _replayed(one: TargetFacts) -> Iterator[Finding]:
    for recorded in one.newest:
        difference = replay(recorded)
        if difference is not None and not difference.is_wording:
            text = " ".join(str(difference).split())
            yield violation("O14", one.name, text)
