"""`doctor`, one target: its metrics, facts, quotas, life cycle and loop."""

from collections.abc import Iterator
from datetime import timedelta

import numpy as np

from bedrock_autoscaler.application.observing.measuring import matching_ids
from bedrock_autoscaler.cli.doctor.checks import Check, State, guarded
from bedrock_autoscaler.cli.output import CommandError
from bedrock_autoscaler.cli.permitted import (
    is_elsewhere,
    may_buy,
    may_scale,
    permit_purchases,
    permit_scaling,
)
from bedrock_autoscaler.cli.settings.fields import value_at
from bedrock_autoscaler.cli.settings.in_force import standing_of
from bedrock_autoscaler.cli.stack import StackAccess
from bedrock_autoscaler.domain.economics.facts import missing_facts
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.routing.addresses import bare_id, model_of
from bedrock_autoscaler.domain.target import Loop, Mode, Target
from bedrock_autoscaler.domain.units import MINUTE, count_text, floor_minute, iso, units_text

_HOUR = timedelta(hours=1)
_LATE_TICKS = 3
_SOON = timedelta(days=90)
_AHEAD = timedelta(days=2)
"""By so much a price's date may lie ahead: time zones, and clocks that differ."""
_OF_PRICES = frozenset({ReasonCode.PRICE_UNKNOWN, ReasonCode.PRICE_STALE})
_RATE = '{"input_tokens_per_minute": N, "output_tokens_per_minute": N, "source": "TEXT"}'
_PRICE = '{"usd_per_hour": N, "source": "TEXT", "as_of": "YYYY-MM-DD"}'
_ON_DEMAND_PRICE = (
    '{"input_usd_per_1k": N, "output_usd_per_1k": N, "source": "TEXT", "as_of": "YYYY-MM-DD"}'
)
_QUOTA = '{"tokens_per_minute": N, "output_burndown": N, "source": "TEXT"}'


def target_checks(access: StackAccess, target: Target) -> Iterator[Check]:
    """Everything that concerns one target in force."""
    one = _OneTarget(access, target)
    name = target.name
    yield from guarded("decisions", one.decisions, target=name)
    yield from one.facts()
    yield from guarded("breaker", one.breaker, target=name)
    if is_elsewhere(access.place, target):
        yield from one.unseen()
        return
    yield from guarded("metrics", one.metrics, target=name)
    if target.provisioned is not None:
        yield from guarded("unit quota", one.unit_quota, target=name)
        yield from guarded("life cycle", one.life_cycle, target=name)
        yield from one.purchasable()
    yield from one.scalable()


class _OneTarget:
    """The checks of one target; what blocks money is red where it acts, else yellow."""

    def __init__(self, access: StackAccess, target: Target) -> None:
        self._access = access
        self._target = target
        self._blocking = State.RED if target.mode is Mode.ACT else State.YELLOW

    def unseen(self) -> Iterator[Check]:
        """What this command cannot look at: it has no credentials of the other account."""
        target = self._target
        yield self._check(
            "place",
            State.YELLOW,
            f"it is in {target.account}, {target.region}: its metrics, quotas, life cycle and "
            "permissions are not looked at from here; its decisions say what they lacked",
            f"bedrock-autoscaler decisions list --target {target.name} --last 5 --stack "
            f"{self._access.deployment}",
        )

    def metrics(self) -> Iterator[Check]:
        """Whether CloudWatch has its calls, and under which `ModelId`s else they might hide."""
        access, target = self._access, self._target
        listed = access.metrics.model_ids()
        ids = {one for address in target.model_ids for one in matching_ids(address, listed)}
        found = sorted(ids & listed)
        if not found:
            yield self._check(
                "metrics",
                State.YELLOW,
                f"CloudWatch lists none of {', '.join(target.model_ids)}: no call in two weeks, or "
                "they show under another ModelId",
                f"bedrock-autoscaler targets discover --stack {access.deployment}",
            )
        else:
            yield from self._calls(found)
        yield from self._strangers(sorted(listed - ids))

    def decisions(self) -> Iterator[Check]:
        """Whether the capacity loop decides on time, and on minutes that were read."""
        access, target = self._access, self._target
        latest = access.inspection().decisions.latest(target.name, Loop.CAPACITY)
        logs = access.place.outputs.get("ObserveDecideFunctionName", "")
        tail = f"aws logs tail /aws/lambda/{logs} --since 30m"
        period = target.thresholds.sizing.decision_minutes
        if latest is None:
            message = f"none yet; the first comes within {period} minutes of the document"
            yield self._check("decisions", State.YELLOW, message, tail)
            return
        at = latest.decision.scheduled_at
        age = access.clock.now() - at
        late = age > _LATE_TICKS * period * MINUTE
        message = f"the newest is of {iso(at)}, {count_text(int(age / MINUTE), 'minute')} ago"
        yield self._check(
            "decisions", State.RED if late else State.GREEN, message, tail if late else ""
        )
        for reason in latest.decision.reasons:
            if reason.code is ReasonCode.DATA_INCOMPLETE:
                remedy = f"bedrock-autoscaler decisions explain {reason.code}"
                yield self._check("history", State.YELLOW, reason.message, remedy)

    def facts(self) -> Iterator[Check]:
        """Prices, unit rate and quotas on demand."""
        target = self._target
        missing = missing_facts(target, self._access.clock.now())
        # The unit comes before the options, one of which may have the very same address.
        of_unit = next((reason for reason in missing if self._is_of_unit(reason)), None)
        for reason in missing:
            if reason.code is ReasonCode.PROVISIONED_NOT_ALLOWED:
                yield self._check(
                    "purchases", State.GREEN, "none are wanted: there is no `provisioned` section"
                )
                continue
            about, remedy = self._remedy(reason, is_of_unit=reason is of_unit)
            yield self._check(about, self._blocking, reason.message, remedy)
        codes = {reason.code for reason in missing}
        bought = target.provisioned
        if bought is not None and bought.price is not None and ReasonCode.PRICE_STALE not in codes:
            price = bought.price
            message = f"{price.usd_per_hour} USD per unit-hour, of {price.as_of} by {price.source}"
            yield self._check("unit price", State.GREEN, message)
        yield from self._dated_ahead()
        yield from self._unpriced()
        if bought is not None and bought.unit_rate is not None:
            rate = bought.unit_rate
            outputs = rate.output_tokens_per_minute
            message = (
                f"{rate.input_tokens_per_minute:,.0f} input"
                f"{'' if outputs is None else f' and {outputs:,.0f} output'} tokens a minute, by "
                f"{rate.source}"
            )
            yield self._check("unit rate", State.GREEN, message)

    def _dated_ahead(self) -> Iterator[Check]:
        """Prices of a day to come, which would be believed for longer than they may be."""
        target, latest = self._target, self._access.clock.now().date() + _AHEAD
        dates = {}
        if target.provisioned is not None and target.provisioned.price is not None:
            dates["provisioned.price"] = target.provisioned.price.as_of
        for index, option in enumerate(target.options):
            if option.price is not None:
                dates[f"options.{index}.price"] = option.price.as_of
            if option.instances is not None:
                dates[f"options.{index}.instances"] = option.instances.as_of
        for field, as_of in dates.items():
            if as_of > latest:
                message = f"{field} is of {as_of}, a day to come: it grows old too late"
                remedy = f"bedrock-autoscaler settings set {target.name} '{self._dated(field)}'"
                yield self._check("price date", State.YELLOW, message, remedy)

    def _dated(self, field: str) -> str:
        """The change that dates a price: of a listed one the document has no date to change."""
        name = self._target.name
        try:
            stated = value_at(standing_of(self._access, name).effective, field, name)
        except CommandError:
            stated = None
        if isinstance(stated, dict):
            return f"{field}.as_of=YYYY-MM-DD"
        return f"{field}={_PRICE if field.startswith('provisioned') else _ON_DEMAND_PRICE}"

    def _unpriced(self) -> Iterator[Check]:
        """Ways without a price where no unit is wanted, so that nothing else misses them."""
        target = self._target
        for index, option in enumerate(target.options if target.provisioned is None else ()):
            if option.price is not None or not option.is_billed_by_token:
                continue
            why = (
                f"the listed price is in doubt, {option.price_doubt}"
                if option.price_doubt
                else f"no price is known in {target.region}: is it a model or profile there?"
            )
            remedy = (
                f"bedrock-autoscaler settings set {target.name} "
                f"'options.{index}.price={_ON_DEMAND_PRICE}'"
            )
            yield self._check("price", State.YELLOW, f"{option.address}: {why}", remedy)

    def unit_quota(self) -> Iterator[Check]:
        """Whether the account may hold the units that the target may."""
        target, access = self._target, self._access
        if target.provisioned is None:
            return
        model_id, wanted = target.provisioned.model_id, target.guard_rails.max_units
        quota = access.inspection().capacity.model_unit_quota(model_id)
        codes = " or ".join(access.models.codes_of(model_id))
        ask = (
            "aws service-quotas request-service-quota-increase --service-code bedrock "
            f"--quota-code {codes.split(' ')[-1]} --desired-value {wanted}"
        )
        if quota is None:
            message = f"the no-commitment quota for {model_id} ({codes}) could not be read"
            read = "aws service-quotas list-service-quotas --service-code bedrock"
            yield self._check("unit quota", self._blocking, message, read)
        elif quota < wanted:
            state = self._blocking if quota == 0 else State.YELLOW
            message = f"{units_text(quota)} for {model_id}, the target may hold {wanted} ({codes})"
            yield self._check("unit quota", state, message, ask)
        else:
            message = f"{units_text(quota)} for {model_id}, the target may hold {wanted}"
            yield self._check("unit quota", State.GREEN, message)

    def life_cycle(self) -> Iterator[Check]:
        """Whether Bedrock still sells units of the model."""
        target, access = self._target, self._access
        if target.provisioned is None:
            return
        model_id = target.provisioned.model_id
        capacity = access.inspection().capacity
        active, end_read = capacity.is_active(model_id), capacity.end_of_life(model_id)
        end = None if end_read is None else end_read.at
        look = f"aws bedrock get-foundation-model --model-identifier {bare_id(model_id)}"
        if active is None:
            message = f"whether {model_id} is sold could not be told"
            yield self._check("life cycle", self._blocking, message, look)
        elif not active:
            message = f"{model_id} is not ACTIVE with provisioned inference: no unit can be bought"
            other = "bedrock-autoscaler settings set " + target.name + " provisioned.model_id=MODEL"
            yield self._check("life cycle", self._blocking, message, other)
        elif end is not None and end - access.clock.now() < _SOON:
            message = f"{model_id} ends at {iso(end)}"
            yield self._check("life cycle", State.YELLOW, message, look)
        else:
            yield self._check("life cycle", State.GREEN, f"{model_id} is ACTIVE and sold in units")

    def purchasable(self) -> Iterator[Check]:
        """Whether the purchase role may buy the model."""
        target, place = self._target, self._access.place
        if target.provisioned is None:
            return
        model_id = target.provisioned.model_id
        if may_buy(place, model_id):
            yield self._check("purchases", State.GREEN, f"the stack may buy {model_id}")
            return
        yield self._check(
            "purchases",
            self._blocking,
            f"PurchasableModelArns of the stack does not name {model_id}: IAM would refuse each "
            "purchase of it",
            permit_purchases(place, model_id),
        )

    def scalable(self) -> Iterator[Check]:
        """Whether the function that changes instances may look at the endpoints and change them."""
        place = self._access.place
        for option in self._target.options:
            if option.instances is None:
                continue
            if may_scale(place, option.address):
                message = f"the stack may change the instances of {option.address}"
                yield self._check("endpoints", State.GREEN, message)
                continue
            yield self._check(
                "endpoints",
                self._blocking,
                f"ScalableEndpointArns of the stack does not name {option.address}: nobody may "
                "look at it or change its instances",
                permit_scaling(place, option.address),
            )

    def breaker(self) -> Iterator[Check]:
        """Whether the breaker has tripped."""
        name = self._target.name
        record = self._access.fleets.record_of(name)
        if record.tripped_at is None:
            yield self._check("breaker", State.GREEN, "closed")
            return
        yield self._check(
            "breaker",
            State.RED,
            f"tripped at {iso(record.tripped_at)}: {record.tripped_by}",
            f"bedrock-autoscaler reset-breaker --target {name} --stack {self._access.deployment}",
        )

    def _calls(self, ids: list[str]) -> Iterator[Check]:
        end = floor_minute(self._access.clock.now())
        reading = self._access.metrics.read(ids, end - _HOUR, end)
        calls = sum(float(np.nansum(traffic.invocations)) for traffic in reading.traffic.values())
        if reading.problems:
            remedy = "aws cloudwatch list-metrics --namespace AWS/Bedrock"
            yield self._check("metrics", State.RED, "; ".join(reading.problems), remedy)
            return
        message = f"{', '.join(ids)}: {calls:,.0f} calls in the last hour"
        yield self._check("metrics", State.GREEN, message)

    def _strangers(self, others: list[str]) -> Iterator[Check]:
        """`ModelId`s of nobody that name the same model: a profile that callers use, perhaps."""
        access, target = self._access, self._target
        taken = {
            bare_id(model_id) for one in access.settings().targets for model_id in one.model_ids
        }
        own = {model_of(model_id) for model_id in target.model_ids} - {None}
        same = [
            other
            for other in others
            if model_of(other) in own
            and bare_id(other) not in taken
            and ":provisioned-model/" not in other
        ]
        if same:
            ids = ", ".join(f'"{one}"' for one in [*target.model_ids, *same])
            yield self._check(
                "dimensions",
                State.YELLOW,
                f"calls under {', '.join(same)} are of the same model and of no target",
                f"bedrock-autoscaler settings set {target.name} 'model_ids=[{ids}]'",
            )

    def _remedy(self, reason: Reason, *, is_of_unit: bool) -> tuple[str, str]:
        """What a missing fact is called, and the command that states it."""
        name = self._target.name
        begin = f"bedrock-autoscaler settings set {name} "
        if reason.code is ReasonCode.UNIT_RATE_UNKNOWN:
            return "unit rate", f"{begin}'provisioned.unit_rate={_RATE}'"
        if reason.code is ReasonCode.QUOTA_UNKNOWN:
            return "quota", f"{begin}'options.{self._place_of(reason)}.quota={_QUOTA}'"
        if is_of_unit:
            return "unit price", f"{begin}'provisioned.price={_PRICE}'"
        return "price", f"{begin}'options.{self._place_of(reason)}.price={_ON_DEMAND_PRICE}'"

    def _is_of_unit(self, reason: Reason) -> bool:
        """Whether a reason may be about the price of a unit; an address may begin one."""
        bought = self._target.provisioned
        if bought is None or reason.code not in _OF_PRICES:
            return False
        if reason.code is ReasonCode.PRICE_UNKNOWN:
            return bought.price is None and reason.message.startswith(f"{bought.model_id}: ")
        return f" {bought.model_id} " in reason.message

    def _place_of(self, reason: Reason) -> int:
        """Position of the option that a reason names; an address may begin another one."""
        options = enumerate(self._target.options)
        named = [(len(one.address), at) for at, one in options if one.address in reason.message]
        return max(named, default=(0, 0))[1]

    def _check(self, about: str, state: State, message: str, remedy: str = "") -> Check:
        return Check(
            about=about, target=self._target.name, state=state, message=message, remedy=remedy
        )
