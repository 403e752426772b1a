"""Every switch of the world. `docs/world.md` says for each what AWS leaves open."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bedrock_world.clock import as_utc

Instant = Annotated[datetime, AfterValidator(as_utc)]
Length = Annotated[timedelta, Field(ge=timedelta(0))]
PositiveLength = Annotated[timedelta, Field(gt=timedelta(0))]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class _Part(BaseModel):
    """Immutable, and strict about names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class UnitRate(_Part):
    """Tokens per minute that one model unit serves.

    `output_weight` None: input and output are two separate limits, the fuller one binds. A
    number: one limit, `input_tokens_per_minute`, over input + weight x output.
    """

    input_tokens_per_minute: Positive
    output_tokens_per_minute: Positive | None = None
    output_weight: Positive | None = None


class UnitPrice(_Part):
    """USD for one model unit and hour; None where the term is not sold."""

    no_commitment: Decimal | None = None
    one_month: Decimal | None = None
    six_months: Decimal | None = None


class Window(_Part):
    """How a limit per minute is counted.

    `minute`: each clock minute grants the limit anew. `bucket`: a token bucket of
    `burst_seconds` worth of the limit, refilled without pause.
    """

    mode: Literal["minute", "bucket"] = "minute"
    burst_seconds: Positive = 60.0


class Episode(_Part):
    """A time in which calls fail for reasons of the service.

    `addresses` are metric ids (base model id, profile id, PT ARN); empty means every address
    that is not a PT, as a shortage of on-demand capacity would.
    """

    start: Instant
    end: Instant
    share: Share = 1.0
    code: Literal[
        "ServiceUnavailableException", "InternalServerException", "ModelErrorException"
    ] = "ServiceUnavailableException"
    addresses: tuple[str, ...] = ()


class CustomModel(_Part):
    """A custom model of this account; bought and rated as its base, a PT model id."""

    arn: str
    base: str


class Endpoint(_Part):
    """A Marketplace endpoint of this account."""

    arn: str
    model: str = "own-model"
    instance_type: str = "ml.g5.2xlarge"
    instances: Annotated[int, Field(ge=1)] = 1
    calls_per_instance: Positive = 60.0


class PromptRouter(_Part):
    """A router between two profiles: long prompts go to `large`, others to `small`."""

    arn: str
    large: str
    small: str


class LifeCycle(_Part):
    """When a model turns LEGACY and when it ends."""

    legacy: Instant | None = None
    end_of_life: Instant | None = None


DEFAULT_UNIT_RATE = UnitRate(input_tokens_per_minute=1_000_000, output_tokens_per_minute=200_000)
DEFAULT_PRICES = {
    "amazon.nova-2-lite-v1:0:256k": UnitPrice(
        no_commitment=Decimal("60.50"), one_month=Decimal("55.00")
    ),
    "meta.llama3-1-70b-instruct-v1:0:128k": UnitPrice(no_commitment=Decimal("24.00")),
}


class WorldSettings(_Part):
    """The whole configuration; the section comments are the headings of `docs/world.md`."""

    # Identity
    seed: int = 0
    start: Instant = datetime(2026, 1, 5, tzinfo=UTC)
    region: str = "us-east-1"
    account_id: Annotated[str, Field(pattern="^[0-9]{12}$")] = "111111111111"

    # Purchases
    lead_time: Length = timedelta(minutes=15)
    lead_time_longest: Length | None = None
    update_time: Length = timedelta(minutes=5)
    token_lifetime: PositiveLength = timedelta(hours=24)
    equal_replay: Literal["first_answer", "ValidationException"] = "first_answer"
    changed_replay: Literal["ignored", "ValidationException"] = "ignored"
    duplicate_name: Literal["ValidationException", "ConflictException", "accepted"] = (
        "ValidationException"
    )
    delete_while_creating: Literal["ConflictException", "accepted"] = "ConflictException"
    committed_delete_error: Literal["ConflictException", "ValidationException"] = (
        "ConflictException"
    )
    one_month: PositiveLength = timedelta(days=30)
    six_months: PositiveLength = timedelta(days=180)
    renewed_term: Literal["locked", "open"] = "locked"
    renewal_window: Length = timedelta(days=1)
    list_lag: Length = timedelta(0)
    tag_lag: Length = timedelta(0)
    list_order: Literal["Ascending", "Descending"] = "Descending"
    page_size: Annotated[int, Field(ge=1, le=1000)] = 100
    max_application_profiles: Annotated[int, Field(ge=0)] = 1000

    # Quotas
    applied_quotas: dict[str, Annotated[float, Field(ge=0)]] = {}
    per_model_quota: Literal["purchase", "total"] = "purchase"
    failed_holds_quota: bool = True
    quota_window: Window = Window()
    reserved_tokens_per_minute: dict[str, Positive] = {}

    # Money
    unit_prices: dict[str, UnitPrice] = DEFAULT_PRICES
    billing_period: PositiveLength = timedelta(hours=1)
    billing_starts: Literal["created", "in_service"] = "created"
    failed_is_billed: bool = False

    # Models
    custom_models: tuple[CustomModel, ...] = ()
    imported_models: tuple[str, ...] = ()
    imported_load_time: Length = timedelta(minutes=2)
    imported_idle_time: Length = timedelta(minutes=5)
    imported_calls_per_copy: Positive = 60.0
    deployment_time: Length = timedelta(minutes=5)
    max_deployments: Annotated[int, Field(ge=0)] = 10
    endpoints: tuple[Endpoint, ...] = ()
    endpoint_update_time: Length = timedelta(minutes=10)
    max_endpoint_instances: Annotated[int, Field(ge=1)] = 4
    prompt_routers: tuple[PromptRouter, ...] = ()
    router_long_prompt_tokens: Annotated[int, Field(ge=1)] = 200
    batch_time: Length = timedelta(hours=2)
    batch_min_records: Annotated[int, Field(ge=1)] = 100
    life_cycles: dict[str, LifeCycle] = {}
    in_region: dict[str, bool] = {}
    emit_unmodelled_inference_type: bool = False

    # Inference
    unit_rates: dict[str, UnitRate] = {}
    default_unit_rate: UnitRate = DEFAULT_UNIT_RATE
    pt_window: Window = Window()
    pt_admission: Literal["actual", "reserved"] = "actual"
    creating_pt_error: Literal["ResourceNotFoundException", "ValidationException"] = (
        "ResourceNotFoundException"
    )
    deleted_pt_error: Literal["ResourceNotFoundException", "ValidationException"] = (
        "ResourceNotFoundException"
    )
    denied: frozenset[str] = frozenset()
    episodes: tuple[Episode, ...] = ()
    latency_base_ms: Annotated[float, Field(ge=0)] = 400.0
    latency_per_output_token_ms: Annotated[float, Field(ge=0)] = 10.0
    characters_per_token: Positive = 4.0
    output_tokens_median: Positive = 200.0
    output_tokens_sigma: Annotated[float, Field(ge=0)] = 0.8

    # Metrics
    metric_lag: Length = timedelta(minutes=2)
    metric_lag_longest: Length | None = timedelta(minutes=3)
    backfill_share: Share = 0.0
    backfill_lag: Length = timedelta(minutes=10)
    pt_metric_id: Literal["arn", "id", "name", "model_id"] = "arn"
    profile_metric_id: Literal["id", "arn"] = "id"
    application_profile_metric_id: Literal["id", "arn"] = "id"
    cache_metric_suffix: Literal["Count", ""] = "Count"


class Config:
    """The settings in force; parts of the world keep this, not a copy."""

    def __init__(self, settings: WorldSettings) -> None:
        self.current = settings

    def change(self, **changes: object) -> WorldSettings:
        """Put changed settings in force, whole or not at all.

        Raises:
            pydantic.ValidationError: an unknown switch or a value it does not allow.
        """
        values: dict[str, object] = {
            name: getattr(self.current, name) for name in self.current.model_fields_set
        }
        self.current = WorldSettings.model_validate(values | changes)
        return self.current
