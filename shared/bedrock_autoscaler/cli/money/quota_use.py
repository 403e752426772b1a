"""Which quotas bind a target, and how much of them it uses."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from bedrock_autoscaler.adapters.account_quotas import (
    account_quotas,
    on_demand_kinds,
    unit_kinds,
)
from bedrock_autoscaler.application.fleets.places import Place
from bedrock_autoscaler.application.ports.bedrock import Inventory, ListedThroughput
from bedrock_autoscaler.application.ports.history import StoredHistory
from bedrock_autoscaler.cli.output import CommandError
from bedrock_autoscaler.cli.stack import StackAccess
from bedrock_autoscaler.domain.economics.price_book import listed_id
from bedrock_autoscaler.domain.economics.price_review import priced_model
from bedrock_autoscaler.domain.economics.quotas import (
    AccountQuota,
    Family,
    QuotaEvidence,
    QuotaMeasure,
    headroom,
    quota_evidence,
)
from bedrock_autoscaler.domain.option import InferenceOption, OptionKind, ServiceTier
from bedrock_autoscaler.domain.routing.addresses import bare_id, geography_of
from bedrock_autoscaler.domain.routing.lawfulness import sight_of
from bedrock_autoscaler.domain.target import Commitment, Target
from bedrock_autoscaler.domain.traffic.observation import Traffic
from bedrock_autoscaler.domain.units import floor_hour

_DAYS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """One quota that binds a target, and what is used of it.

    Attributes:
        code: empty where the settings state it.
        used: units held, or the highest minute; None where nothing is known.
    """

    code: str
    subject: str
    measure: QuotaMeasure
    value: float | None
    used: float | None
    source: str

    @property
    def left(self) -> float | None:
        """Share that is left, 0 to 1."""
        return None if self.used is None else headroom(self.value, self.used)

    def cells(self) -> tuple[str, ...]:
        """As a row of a table."""
        return (
            self.code or "-",
            self.subject,
            self.measure.value,
            "unknown" if self.value is None else f"{self.value:,.0f}",
            "unknown" if self.used is None else f"{self.used:,.0f}",
            self._left_text(),
            self.source,
        )

    def _left_text(self) -> str:
        if self.value == 0:
            return "none"
        return "unknown" if self.left is None else f"{self.left:.0%}"

    def plain(self) -> dict[str, object]:
        """For JSON."""
        return {
            "code": self.code,
            "subject": self.subject,
            "measure": self.measure.value,
            "value": self.value,
            "used": self.used,
            "left": self.left,
            "source": self.source,
        }


def all_quotas(access: StackAccess) -> tuple[AccountQuota, ...]:
    """Every quota of Bedrock in the stack's account and Region."""
    models = access.models
    kinds = {
        **on_demand_kinds(),
        **unit_kinds(models.quota_codes, models.base_pool, models.custom_pool),
    }
    return account_quotas(access.clients.service_quotas(), kinds)


def chosen(quotas: Iterable[AccountQuota], family: str | None) -> tuple[AccountQuota, ...]:
    """Those of a family; without one, those of inference and of units.

    Raises:
        CommandError: there is no such family.
    """
    if family is not None and family not in set(Family):
        raise CommandError(f"--family {family!r}: give one of {', '.join(Family)}")
    return tuple(
        quota
        for quota in quotas
        if quota.kind.family == family or (family is None and quota.kind.family is not Family.OTHER)
    )


def rooms_of(access: StackAccess, target: Target) -> tuple[Room, ...]:
    """What is left of each quota that binds the target.

    Raises:
        CommandError: the target is in another account or Region than the stack.
    """
    require_home(access, target)
    quotas = {quota.code: quota for quota in all_quotas(access)}
    found = [*_unit_rooms(access, target, quotas)]
    stored = _stored(access, target)
    for option in target.options:
        found += _option_rooms(option, target, _traffic(option, target, stored), quotas)
    return tuple(found)


def require_home(access: StackAccess, target: Target) -> None:
    """Refuse a target elsewhere: its quotas are those of its own account and Region.

    Raises:
        CommandError: it is elsewhere.
    """
    there, home = Place.of(target), access.home
    if there != home:
        raise CommandError(
            f"{target.name} is in {there.name}, and `quota` reads and asks in the stack's own "
            f"account and Region alone, {home.name}; look there with your own credentials"
        )


# -- what binds a target -----------------------------------------------------------------------


def binding_codes(
    access: StackAccess, target: Target, quotas: Mapping[str, AccountQuota]
) -> frozenset[str]:
    """The codes of the quotas that bind the target's units and ways."""
    units = access.models.codes_of(target.provisioned.model_id) if target.provisioned else ()
    ways = (quota.code for option in target.options for quota in _of_option(option, target, quotas))
    return frozenset((*units, *ways))


def _of_option(
    option: InferenceOption, target: Target, quotas: Mapping[str, AccountQuota]
) -> tuple[AccountQuota, ...]:
    """The on-demand quotas that are known, by code, to count calls to this address.

    None count what is called from another Region, as a batch, by reservation, or for low latency.
    """
    is_elsewhere = option.region not in {"", target.region}
    is_reserved = option.tier == ServiceTier.RESERVED
    if is_elsewhere or is_reserved or option.latency or option.kind is OptionKind.BATCH:
        return ()
    geography = geography_of(option.address)
    family = Family.ON_DEMAND if geography is None else Family.CROSS_REGION
    if geography == "global":
        family = Family.GLOBAL
    model = priced_model(bare_id(option.address))
    return tuple(
        quota
        for quota in quotas.values()
        if quota.is_known and quota.kind.family is family and quota.kind.subject == model
    )


def _unit_rooms(
    access: StackAccess, target: Target, quotas: Mapping[str, AccountQuota]
) -> list[Room]:
    if target.provisioned is None:
        return []
    inventory = access.inspection().capacity.inventory()
    model_id = target.provisioned.model_id
    found = []
    for code in access.models.codes_of(model_id):
        quota = quotas.get(code)
        is_pool = code in {access.models.base_pool, access.models.custom_pool}
        found.append(
            Room(
                code=code,
                subject=quota.kind.subject if quota else model_id,
                measure=QuotaMeasure.MODEL_UNITS,
                value=quota.value if quota and not quota.doubt else None,
                used=_units(inventory, model_id, is_pool=is_pool),
                source=_source(quota),
            )
        )
    return found


def _units(inventory: Inventory, model_id: str, *, is_pool: bool) -> float | None:
    """Units that count: uncommitted ones of base or custom models, or all of this model."""
    if not inventory.complete:
        return None
    custom = ":custom-model/" in model_id

    def counts(pt: ListedThroughput) -> bool:
        if is_pool:
            is_custom = ":custom-model/" in pt.model_arn
            return pt.commitment is Commitment.NONE and is_custom is custom
        return listed_id(pt.model_arn) == listed_id(model_id)

    return float(sum(pt.model_units for pt in inventory.throughputs if counts(pt)))


def _burndown(option: InferenceOption) -> float | None:
    """Quota tokens of an output token, as the settings state them; `unlimited` states none."""
    quota = option.quota
    if quota is None or (quota.tokens_per_minute is None and quota.requests_per_minute is None):
        return None
    return quota.output_burndown


def _option_rooms(
    option: InferenceOption,
    target: Target,
    traffic: Traffic | None,
    quotas: Mapping[str, AccountQuota],
) -> list[Room]:
    burndown = _burndown(option)
    found = quota_evidence(traffic, burndown) if traffic is not None else None
    used = {
        QuotaMeasure.TOKENS_PER_MINUTE: found.peak_tpm if found else None,
        QuotaMeasure.REQUESTS_PER_MINUTE: found.peak_rpm if found else None,
    }
    stated = option.quota
    values = (
        {}
        if stated is None
        else {
            QuotaMeasure.TOKENS_PER_MINUTE: stated.tokens_per_minute,
            QuotaMeasure.REQUESTS_PER_MINUTE: stated.requests_per_minute,
        }
    )
    rooms = [
        Room(
            code="",
            subject=_told_place(option),
            measure=measure,
            value=value,
            used=used[measure],
            source=f"settings: {stated.source}" if stated else "",
        )
        for measure, value in values.items()
        if value is not None
    ]
    rooms += [
        Room(
            code=quota.code,
            subject=_told_place(option),
            measure=quota.kind.measure,
            value=quota.value,
            used=used.get(quota.kind.measure),
            source=_source(quota) + ("" if burndown else "; no burndown is stated"),
        )
        for quota in _of_option(option, target, quotas)
    ]
    return rooms or [
        Room(
            code="",
            subject=_told_place(option),
            measure=QuotaMeasure.TOKENS_PER_MINUTE,
            value=None,
            used=used[QuotaMeasure.TOKENS_PER_MINUTE],
            source="no quota is stated, and no code is known",
        )
    ]


def _told_place(option: InferenceOption) -> str:
    """Which option is meant, where several have one address."""
    asks = (option.region, option.tier, option.latency)
    return " ".join([option.address, *(ask for ask in asks if ask)])


def _source(quota: AccountQuota | None) -> str:
    if quota is None:
        return "the account has no such quota"
    if quota.doubt:
        return quota.doubt
    return "applied" if quota.applied is not None else "default"


# -- evidence ----------------------------------------------------------------------------------


def _stored(access: StackAccess, target: Target) -> StoredHistory:
    """Two weeks of kept minutes."""
    end = floor_hour(access.clock.now())
    return access.inspection().history.load(target.name, end - timedelta(days=_DAYS), end)


def _traffic(option: InferenceOption, target: Target, stored: StoredHistory) -> Traffic | None:
    """What is known of the calls to an option; a batch job makes none."""
    if option.kind is OptionKind.BATCH:
        return None
    return stored.traffic.get(sight_of(option, target.calls_from()))


def evidence_of(
    access: StackAccess, target: Target, quota: AccountQuota, burndown: float | None
) -> QuotaEvidence | None:
    """Of the option that the quota counts; of the whole target for units and unknown codes."""
    stored = _stored(access, target)
    for option in target.options:
        if quota in _of_option(option, target, {quota.code: quota}):
            own = _traffic(option, target, stored)
            return None if own is None else quota_evidence(own, burndown or _burndown(option))
    return quota_evidence(stored.total, burndown)
