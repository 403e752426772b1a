"""The Bedrock world of the demo: its models' rates, prices and quotas."""

from bedrock_world.demo.plan import (
    MAX_UNITS,
    OUTPUT_WEIGHT,
    PT_MODEL,
    REGION,
    TOKENS_PER_UNIT,
    UNIT_HOUR,
    DemoPlan,
)
from bedrock_world.settings import UnitPrice, UnitRate, WorldSettings

# Quota codes of the catalogue for Nova Pro: tokens and requests per minute, on demand in the
# Region and across Regions; no-commitment units of all base models and of this one.
_TOKENS = ("L-CE33604C", "L-C0326783")
_REQUESTS = ("L-F2717A44", "L-ED46B8C5")
_UNITS = ("L-FE44174A", "L-9C8C5911")
_REQUESTS_PER_MINUTE = 1_000_000.0
_SPARE_UNITS = 4


def world_settings(plan: DemoPlan, account: str) -> WorldSettings:
    """A world that bills and serves as the plan says; the account has quota for more units."""
    quotas = {
        **dict.fromkeys(_TOKENS, float(plan.quota_tokens)),
        **dict.fromkeys(_REQUESTS, _REQUESTS_PER_MINUTE),
        **dict.fromkeys(_UNITS, float(MAX_UNITS + _SPARE_UNITS)),
    }
    return WorldSettings(
        start=plan.start,
        region=REGION,
        account_id=account,
        unit_rates={
            PT_MODEL: UnitRate(
                input_tokens_per_minute=float(TOKENS_PER_UNIT), output_weight=float(OUTPUT_WEIGHT)
            )
        },
        unit_prices={PT_MODEL: UnitPrice(no_commitment=UNIT_HOUR)},
        applied_quotas=quotas,
    )
