"""Why something is done or not: a code for machines, a sentence with its numbers for people.

Each code has a row in docs/reasons.md.
"""

from dataclasses import dataclass
from enum import StrEnum


class ReasonCode(StrEnum):
    """Why an action is or is not taken; `docs/reasons.md` says what to do about each."""

    # diagnosis
    NO_PRESSURE = "no_pressure"
    CAPACITY_SHORT = "capacity_short"
    RETRY_STORM = "retry_storm"
    OUTPUT_RESERVATION = "output_reservation"
    ONE_HOT_MINUTE = "one_hot_minute"
    THROTTLES_ENDED = "throttles_ended"
    REGIONAL_SHORTAGE = "regional_shortage"
    # sizing
    UNITS_PAY_OFF = "units_pay_off"
    UNITS_DO_NOT_PAY = "units_do_not_pay"
    AT_DESIRED_SIZE = "at_desired_size"
    UNITS_ASSURED = "units_assured"
    BURSTY_HOLDS_NONE = "bursty_holds_none"
    LOSS_BUDGET_USED = "loss_budget_used"
    RELEASES_SHORT = "releases_short"
    PURCHASES_SHORT = "purchases_short"
    # what blocks a money decision
    PRICE_UNKNOWN = "price_unknown"
    PRICE_STALE = "price_stale"
    UNIT_RATE_UNKNOWN = "unit_rate_unknown"
    QUOTA_UNKNOWN = "quota_unknown"
    MODEL_NOT_ACTIVE = "model_not_active"
    MODEL_STATUS_UNKNOWN = "model_status_unknown"
    PROVISIONED_NOT_ALLOWED = "provisioned_not_allowed"
    # what holds a shrink
    HISTORY_SHORT = "history_short"
    DATA_INCOMPLETE = "data_incomplete"
    DATA_STALE = "data_stale"
    INVENTORY_INCOMPLETE = "inventory_incomplete"
    MANTLE_UNSEEN = "mantle_unseen"
    REGION_UNSEEN = "region_unseen"
    SERVER_ERRORS = "server_errors"
    PT_UNSEEN = "pt_unseen"
    PAID_PERIOD_RUNS = "paid_period_runs"
    COMMITTED = "committed"
    THROTTLED_LATELY = "throttled_lately"
    WORTH_KEEPING = "worth_keeping"
    BUSY_LATELY = "busy_lately"
    # gate
    GROW_COOLDOWN = "grow_cooldown"
    SHRINK_COOLDOWN = "shrink_cooldown"
    PURCHASES_PER_DAY = "purchases_per_day"
    RELEASES_PER_DAY = "releases_per_day"
    RELEASES_FOR_LARGER = "releases_for_larger"
    PURCHASE_OPEN = "purchase_open"
    PT_FAILED = "pt_failed"
    TABLE_FULL = "table_full"
    RELEASES_PER_HOUR = "releases_per_hour"
    MASS_SILENCE = "mass_silence"
    RESTING = "resting"
    BREAKER_TRIPPED = "breaker_tripped"
    LEDGER_INCOMPLETE = "ledger_incomplete"
    TICK_LATE = "tick_late"
    # what a person set by hand
    GROWTH_PAUSED = "growth_paused"
    SHRINK_PAUSED = "shrink_paused"
    UNITS_OVERRIDE = "units_override"
    ROUTE_OVERRIDE = "route_override"
    # guard rails
    MAX_UNITS = "max_units"
    MIN_UNITS = "min_units"
    MAX_USD_PER_HOUR = "max_usd_per_hour"
    MAX_USD_PER_DAY = "max_usd_per_day"
    MAX_USD_PER_MONTH = "max_usd_per_month"
    MODEL_UNIT_QUOTA = "model_unit_quota"
    STACK_MAX_UNITS = "stack_max_units"
    STACK_MAX_USD_PER_HOUR = "stack_max_usd_per_hour"
    STACK_MAX_USD_PER_DAY = "stack_max_usd_per_day"
    STACK_MAX_USD_PER_MONTH = "stack_max_usd_per_month"
    # outcome of the capacity loop
    PURCHASE = "purchase"
    RELEASE = "release"
    RESTORE = "restore"
    MODEL_CHANGED = "model_changed"
    MODEL_CHANGE_HELD = "model_change_held"
    ENDPOINT_SCALED = "endpoint_scaled"
    ENDPOINT_HELD = "endpoint_held"
    # routing
    ROUTES_UNCHANGED = "routes_unchanged"
    ROUTES_CHANGED = "routes_changed"
    PT_ROUTED = "pt_routed"
    PT_WITHDRAWN = "pt_withdrawn"
    SPILL_REORDERED = "spill_reordered"
    NO_FALLBACK = "no_fallback"
    ROUTE_ON_TRIAL = "route_on_trial"
    ROUTE_REFUSED = "route_refused"
    OPTION_REFUSED = "option_refused"
    LOAD_SPREAD = "load_spread"
    WORK_DEFERRED = "work_deferred"
    ROUTER_FAULT = "router_fault"
    # standing remarks
    ADVISE_MODE = "advise_mode"
    SETTINGS_REJECTED = "settings_rejected"
    PLACE_UNREACHABLE = "place_unreachable"
    UNMANAGED_PT = "unmanaged_pt"
    COPIES_COST = "copies_cost"
    UNIT_RATE_MEASURED = "unit_rate_measured"
    UNIT_RATE_DIFFERS = "unit_rate_differs"
    COMMITMENT_PAYS = "commitment_pays"
    COMMITMENT_NOT_ADVISED = "commitment_not_advised"
    # consents of a person
    APPROVAL_NEEDED = "approval_needed"
    CONSENTED = "consented"
    CONSENT_WAITS = "consent_waits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason with its numbers.

    Attributes:
        message: one sentence with the subject and the numbers, for people.
        numbers: the same numbers by name, for machines.
    """

    code: ReasonCode
    message: str
    numbers: tuple[tuple[str, float], ...] = ()
