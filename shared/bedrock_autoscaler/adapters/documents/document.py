"""The settings document of one target: one JSON object, every field typed and bounded."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from bedrock_autoscaler.adapters.documents.acting import (
    DrainingDocument,
    GatingDocument,
    RoutingDocument,
)
from bedrock_autoscaler.adapters.documents.controls import ControlsDocument
from bedrock_autoscaler.adapters.documents.limits import GuardRailsDocument, SloDocument
from bedrock_autoscaler.adapters.documents.options import (
    OptionDocument,
    ResidencyDocument,
    form_problem,
)
from bedrock_autoscaler.adapters.documents.seeing import ClassifyingDocument, ObservingDocument
from bedrock_autoscaler.adapters.documents.sizing import SizingDocument
from bedrock_autoscaler.adapters.documents.values import (
    Account,
    Address,
    Moment,
    Region,
    Section,
    UnitPriceChoice,
    UnitRateDocument,
    UsdPerUnitHour,
    conflict,
)
from bedrock_autoscaler.domain.routing.addresses import (
    bare_id,
    geography_of,
    is_application_profile,
    place_of,
    produces_no_tokens,
)
from bedrock_autoscaler.domain.routing.lawfulness import model_problem, residency_problem

NO_IMAGES = (
    "image and video models are not managed: they are billed by what they draw, and CloudWatch "
    "counts no tokens that could be turned into model units"
)


class ProvisionedDocument(Section):
    """What may be bought for the target."""

    model_id: Address = Field(
        description="The id that a purchase names: the context-length variant (`...:24k`) of a "
        "base model, or a custom model's ARN."
    )
    unit_rate: UnitRateDocument | None = Field(
        default=None,
        description="What one model unit serves; null: unknown, then nothing is bought.",
    )
    unit_rate_from: Literal["stated", "measured"] = Field(
        default="stated",
        description="`stated`: decisions use `unit_rate` alone, and say when own units contradict "
        "it. `measured`: once own units have been full often enough, decisions use the lower end "
        "of what they served; until then `unit_rate`, if there is one.",
    )
    attempts_per_call: float | None = Field(
        default=None,
        ge=1,
        le=10,
        description="Tries of a caller at a provisioned throughput before it goes on demand or "
        "gives up: 1 for callers that fall back at once. It makes the measured rate surer; null: "
        "between 1 and observing.attempts_per_call.",
    )
    price: UnitPriceChoice = Field(
        default="list", description="A price, or `list`: looked up in the shipped price list."
    )
    use_unmanaged: bool = Field(
        default=False,
        description="Throughputs of this model that are not this stack's serve the target too: "
        "callers are sent to them and sizing counts them. They are never released.",
    )


class ConsentDocument(Section):
    """One commitment that a backtest may buy once."""

    units: int = Field(ge=1, le=1_000, description="Units, bought together or not at all.")
    term: Literal["one_month", "six_months"] = Field(description="Length of the commitment.")
    max_usd_per_hour: UsdPerUnitHour = Field(description="Highest price of a unit-hour.")
    valid_from: Moment | None = Field(default=None, description="First moment of use.")
    valid_until: Moment | None = Field(default=None, description="Last moment of use.")


class Document(Section):
    """The fields of every document."""

    account: Account = Field(description="AWS account: the stack's own, or one of its spokes.")
    region: Region = Field(description="AWS Region: the stack's own, or one of its spokes.")
    modality: Literal["text", "embedding"] = Field(
        default="text",
        description="What the model answers with; an embedding has no output tokens.",
    )
    model_ids: tuple[Address, ...] = Field(
        default=(),
        max_length=40,
        description="ModelId values in CloudWatch that carry its traffic, besides the addresses "
        "of its options and its provisioned throughputs.",
    )
    uses_mantle: bool = Field(
        default=False,
        description="Part of its traffic uses the bedrock-mantle endpoint, which AWS/Bedrock "
        "does not show; such a target is never shrunk.",
    )
    mode: Literal["advise", "act"] = Field(
        default="advise",
        description="`advise`: decide and record. `act`: also buy, release and route.",
    )
    residency: ResidencyDocument = ResidencyDocument()
    provisioned: ProvisionedDocument | None = Field(
        default=None, description="What may be bought; null: nothing."
    )
    options: tuple[OptionDocument, ...] = Field(
        default=(),
        max_length=20,
        description="Ways besides provisioned throughput, the preferred first at equal price.",
    )
    slo: SloDocument = SloDocument()
    guard_rails: GuardRailsDocument = GuardRailsDocument()
    observing: ObservingDocument = ObservingDocument()
    classifying: ClassifyingDocument = ClassifyingDocument()
    sizing: SizingDocument = SizingDocument()
    gating: GatingDocument = GatingDocument()
    draining: DrainingDocument = DrainingDocument()
    routing: RoutingDocument = RoutingDocument()
    controls: ControlsDocument = ControlsDocument()

    @field_validator("modality", mode="before")
    @classmethod
    def _images_are_refused(cls, value: object) -> object:
        if value in ("image", "video"):
            raise conflict([], NO_IMAGES)
        return value

    @model_validator(mode="after")
    def _callers_can_follow(self) -> Self:
        cached = self.draining.client_cache_minutes * 60
        if self.routing.refresh_seconds > cached:
            reason = (
                f"{self.routing.refresh_seconds} is above draining.client_cache_minutes, which is "
                f"{cached} seconds; callers would keep a withdrawn route for longer than the drain"
            )
            raise conflict(["routing", "refresh_seconds"], reason)
        if self.draining.release_window_minutes >= self.sizing.billing_minutes:
            reason = (
                f"{self.draining.release_window_minutes} is not below sizing.billing_minutes, "
                f"which is {self.sizing.billing_minutes}"
            )
            raise conflict(["draining", "release_window_minutes"], reason)
        return self


class DefaultsDocument(Document):
    """The document `defaults`: whatever it leaves out, the targets bring."""

    account: Account = "000000000000"
    region: Region = "us-east-1"


class BacktestDocument(DefaultsDocument):
    """The document as a backtest reads it: the scenario brings the facts of the model."""

    consents: tuple[ConsentDocument, ...] = Field(
        default=(),
        max_length=100,
        description="Commitments that may be bought; for backtests alone.",
    )


class TargetDocument(Document):
    """One workload under management by bedrock-autoscaler, and the policy for it.

    The text in force is this document merged over the document `defaults` merged over the
    defaults shown here; `account` and `region` may therefore stand in `defaults`.
    """

    @model_validator(mode="after")
    def _facts_agree(self) -> Self:
        if not self.options and self.provisioned is None:
            raise conflict(["options"], "neither options nor provisioned: nothing can be managed")
        for path, address, region in self._addresses():
            self._check_address(path, address, region)
        seen: set[tuple[str | bool, ...]] = set()
        for index, option in enumerate(self.options):
            place = (bare_id(option.address), option.kind == "batch", *option.place[1:])
            if place in seen:
                raise conflict(["options", index, "address"], f"{option.address!r} stands twice")
            seen.add(place)
            self._check_use(index, option)
            self._check_figures(index, option)
        self._check_purchasable()
        self._check_unit_rate()
        self._check_route_override()
        return self

    def _check_route_override(self) -> None:
        """Refuse to send callers where no option of the target serves calls."""
        override = self.controls.route
        addresses = [
            option.address for option in self.options if not option.unpriced().is_for_waiting_work
        ]
        if override is not None and override.address not in addresses:
            known = ", ".join(addresses) or "none"
            reason = f"{override.address!r} is none of the options that serve calls: {known}"
            raise conflict(["controls", "route", "address"], reason)

    def _addresses(self) -> list[tuple[list[str | int], str, str]]:
        """Each field that names one, and the Region that it is called from."""
        named: list[tuple[list[str | int], str, str]] = [
            (["model_ids", index], model_id, self.region)
            for index, model_id in enumerate(self.model_ids)
        ]
        named += [
            (["options", index, "address"], option.address, option.region or self.region)
            for index, option in enumerate(self.options)
        ]
        if self.provisioned is not None:
            named.append((["provisioned", "model_id"], self.provisioned.model_id, self.region))
        return named

    def _check_purchasable(self) -> None:
        """Refuse a profile where a model is bought."""
        if self.provisioned is None:
            return
        model_id = self.provisioned.model_id
        if is_application_profile(model_id) or geography_of(model_id) is not None:
            reason = f"{model_id!r} is a profile; units are bought for a model in one Region"
            raise conflict(["provisioned", "model_id"], reason)

    def _check_address(self, path: list[str | int], address: str, region: str) -> None:
        """Refuse what is not managed, or lies in another account or Region."""
        if produces_no_tokens(address):
            raise conflict(path, f"{address!r}: {NO_IMAGES}")
        place = place_of(address)
        if place is None:
            return
        if place.region not in {"", region} or place.account not in {"", self.account}:
            reason = (
                f"{address!r} lies in another place than account {self.account}, Region "
                f"{region}, from which it is called"
            )
            raise conflict(path, reason)

    def _check_use(self, index: int, option: OptionDocument) -> None:
        """Refuse an option that is malformed, or that the operator does not allow."""
        problem = form_problem(option)
        if problem:
            raise conflict(["options", index, problem[0]], problem[1])
        if option.region == self.region:
            reason = f"{option.region} is the target's own Region; leave it out"
            raise conflict(["options", index, "region"], reason)
        path: list[str | int] = ["options", index, "address"]
        residency, plain = self.residency.to_domain(), option.unpriced()
        unlawful = residency_problem(plain, residency, self.region) or model_problem(
            plain,
            residency,
            bought=self.provisioned.model_id if self.provisioned else "",
            first=self.options[0].unpriced(),
        )
        if unlawful:
            raise conflict(path, f"{option.address!r} is not allowed: {unlawful}")

    def _check_figures(self, index: int, option: OptionDocument) -> None:
        """Refuse a quota without a limit, and free output of a text model."""
        if option.quota is not None and option.quota != "unlimited":
            limits = (option.quota.tokens_per_minute, option.quota.requests_per_minute)
            if limits == (None, None):
                reason = "it states no limit; give one, or the word 'unlimited'"
                raise conflict(["options", index, "quota"], reason)
        if (
            option.price != "list"
            and self.modality == "text"
            and not option.price.output_usd_per_1k
        ):
            reason = "0 is allowed for embedding models alone"
            raise conflict(["options", index, "price", "output_usd_per_1k"], reason)

    def _check_unit_rate(self) -> None:
        """Refuse a rate that does not fit the modality."""
        rate = self.provisioned.unit_rate if self.provisioned is not None else None
        if rate is None:
            return
        if (rate.output_tokens_per_minute is None) != (self.modality == "embedding"):
            reason = (
                "a text model needs a rate for output tokens"
                if self.modality == "text"
                else "an embedding model has no output tokens; leave it out"
            )
            raise conflict(["provisioned", "unit_rate", "output_tokens_per_minute"], reason)
