"""One option of a target as its document states it, and what its form must be."""

from datetime import date
from typing import Literal, Self

from pydantic import Field, model_validator

from bedrock_autoscaler.adapters.documents.values import (
    Address,
    Geography,
    QuotaChoice,
    Region,
    Section,
    Source,
    TokenPriceChoice,
    conflict,
    money,
)
from bedrock_autoscaler.domain.option import (
    ImportedCopies,
    InferenceOption,
    InstanceRails,
    OptionKind,
    Residency,
)
from bedrock_autoscaler.domain.routing.addresses import geography_of, is_application_profile

type Problem = tuple[str, str]
"""The field at fault and the reason."""

_MARKS = {
    OptionKind.PROVISIONED: (":provisioned-model/",),
    OptionKind.CUSTOM_DEPLOYMENT: (":custom-model-deployment/",),
    OptionKind.IMPORTED_MODEL: (":imported-model/",),
    OptionKind.MARKETPLACE_ENDPOINT: (":endpoint/",),
    OptionKind.PROMPT_ROUTER: (":default-prompt-router/", ":prompt-router/"),
}
"""What the ARN of a kind holds; every other kind is named by a model or a profile."""

_TAKES_NO_TIER = frozenset({*_MARKS, OptionKind.BATCH})


class ResidencyDocument(Section):
    """Where requests may be served besides the target's own Region, and by what."""

    geographies: tuple[Geography, ...] = Field(
        default=(),
        max_length=16,
        description="Geographic profiles allowed: us, eu, apac, jp, au, ...",
    )
    global_profiles: bool = Field(
        default=False, description="Whether global profiles, which serve anywhere, are allowed."
    )
    source_regions: tuple[Region, ...] = Field(
        default=(),
        max_length=16,
        description="Regions that callers may call besides the target's own. A target that "
        "uses one is never shrunk where the stack's SourceRegions does not name it: its metrics "
        "are not read.",
    )
    other_models: bool = Field(
        default=False,
        description="Whether another model may answer: the base of a customized one, either of a "
        "prompt router's two, or any other than the one that may be bought.",
    )

    def to_domain(self) -> Residency:
        """The same as a domain value."""
        return Residency(**dict(self))


class CopiesDocument(Section):
    """What the copies of an imported model cost."""

    units_per_copy: int = Field(
        ge=1, le=64, description="Custom model units of one copy, as GetImportedModel tells."
    )
    usd_per_unit_minute: float = Field(
        gt=0, le=100, description="Price of a custom model unit for a minute."
    )
    source: Source = Field(description="Where the price was read.")
    as_of: date = Field(description="The day it was read.")

    def to_domain(self) -> ImportedCopies:
        """The same as a domain value, money as `Decimal`."""
        price = {"usd_per_unit_minute": money(self.usd_per_unit_minute)}
        return ImportedCopies(**(dict(self) | price))


class InstancesDocument(Section):
    """Bounds within which the instances of a Marketplace endpoint are changed."""

    min_instances: int = Field(
        default=1, ge=1, le=100, description="Never fewer; Bedrock needs one."
    )
    max_instances: int = Field(ge=1, le=100, description="Never more, whatever the load.")
    calls_per_minute: float = Field(
        gt=0, le=1e6, description="That one instance serves, from a load test."
    )
    usd_per_instance_hour: float = Field(gt=0, le=10_000, description="Price of one instance.")
    max_changes_per_day: int = Field(
        default=24,
        ge=1,
        le=96,
        description="Changes in 24 hours, whatever came of them; further ones wait. Fewer follow "
        "the load less closely.",
    )
    source: Source = Field(description="Where rate and price were read.")
    as_of: date = Field(description="The day they were read.")

    @model_validator(mode="after")
    def _bounds_are_ordered(self) -> Self:
        if self.min_instances > self.max_instances:
            reason = f"{self.min_instances} is above max_instances, which is {self.max_instances}"
            raise conflict(["min_instances"], reason)
        return self

    def to_domain(self) -> InstanceRails:
        """The same as a domain value, money as `Decimal`."""
        price = {"usd_per_instance_hour": money(self.usd_per_instance_hour)}
        return InstanceRails(**(dict(self) | price))


class OptionDocument(Section):
    """One way besides provisioned throughput to serve the target."""

    kind: Literal[
        "on_demand",
        "geographic_profile",
        "global_profile",
        "custom_deployment",
        "imported_model",
        "marketplace_endpoint",
        "prompt_router",
        "batch",
    ] = Field(
        description="How it is addressed and billed; an application profile is of the kind of "
        "what it copies."
    )
    address: Address = Field(
        description="The modelId that callers pass: of a model, profile, deployment, endpoint, ..."
    )
    geography: Geography | None = Field(
        default=None,
        description="Geography of an application profile or a prompt router, whose address does "
        "not tell it.",
    )
    region: Region | None = Field(
        default=None,
        description="Region to call from, of residency.source_regions; null: the target's own.",
    )
    tier: Literal["priority", "default", "flex", "reserved"] | None = Field(
        default=None,
        description="Service tier to ask for; `flex` is for work that may wait alone. A tier adds "
        "no quota, but `reserved`, which the account team sells, has its own. Null: none is named.",
    )
    latency: Literal["optimized"] | None = Field(
        default=None,
        description="`optimized`: used only where slo.latency asks for it; null: the usual one.",
    )
    price: TokenPriceChoice = Field(
        default="list", description="A price, or `list`: looked up in the shipped price list."
    )
    quota: QuotaChoice | None = Field(
        default=None,
        description="A quota, or `unlimited`, or null: unknown, which blocks decisions on money.",
    )
    copies: CopiesDocument | None = Field(
        default=None, description="Price of an imported model's copies; null: not known."
    )
    instances: InstancesDocument | None = Field(
        default=None,
        description="Bounds for the instances of a Marketplace endpoint; null: left alone.",
    )

    @property
    def place(self) -> tuple[str, str, str, str]:
        """What no two options may share."""
        return (self.address, self.region or "", self.tier or "", self.latency or "")

    def unpriced(self) -> InferenceOption:
        """The option as a domain value, without price and quota."""
        return InferenceOption(
            kind=OptionKind(self.kind),
            address=self.address,
            price=None,
            quota=None,
            region=self.region or "",
            tier=self.tier or "",
            latency=self.latency or "",
            geography=self.geography or "",
            copies=self.copies.to_domain() if self.copies else None,
            instances=self.instances.to_domain() if self.instances else None,
        )


def form_problem(option: OptionDocument) -> Problem | None:
    """What is wrong with the option by itself; None when nothing is."""
    return (
        _kind_problem(option)
        or _geography_problem(option)
        or _asked_problem(option)
        or _section_problem(option)
    )


def _kind_problem(option: OptionDocument) -> Problem | None:
    """The address is of another kind than the option says."""
    kind, address = OptionKind(option.kind), option.address
    for other, marks in _MARKS.items():
        if other is not kind and any(mark in address for mark in marks):
            return "kind", f"{address!r} is of kind {other.value}; its kind cannot be {kind.value}"
    marks = _MARKS.get(kind, ())
    if marks and not any(mark in address for mark in marks):
        return "address", f"{address!r} is no ARN of kind {kind.value} (`...{marks[0]}...`)"
    told = geography_of(address)
    if kind is OptionKind.ON_DEMAND and told is not None:
        return "kind", f"{address!r} is a profile ({told}); its kind cannot be on_demand"
    is_global = told == "global" or is_application_profile(address)
    if kind is OptionKind.GLOBAL_PROFILE and not is_global:
        return "address", f"{address!r} is no global profile (`global.`...)"
    return None


def _geography_problem(option: OptionDocument) -> Problem | None:
    """The geography that requests are served in contradicts the address, or cannot be told."""
    told = geography_of(option.address)
    if told and option.geography not in {None, told}:
        return "address", f"{option.address!r} contradicts geography {option.geography!r}"
    if option.kind == "prompt_router" and option.geography is None:
        return "geography", "missing; the address of a prompt router does not tell where it serves"
    if option.kind != "geographic_profile":
        return None
    if told or (option.geography and is_application_profile(option.address)):
        return None
    reason = (
        f"the geography of {option.address!r} cannot be told; give a profile id such as "
        "`us.`..., or an application profile's ARN with its `geography`"
    )
    return "address", reason


def _asked_problem(option: OptionDocument) -> Problem | None:
    """It asks for a tier or a latency that cannot be had there."""
    if OptionKind(option.kind) in _TAKES_NO_TIER:
        for name in ("tier", "latency"):
            if getattr(option, name) is not None:
                return name, f"{option.kind} takes no {name}; leave it out"
    if option.tier not in {None, "default"} and option.latency is not None:
        return "latency", f"it cannot be had together with tier {option.tier!r}"
    return None


def _section_problem(option: OptionDocument) -> Problem | None:
    """A section is there that belongs to another kind."""
    for name, kind in (("copies", "imported_model"), ("instances", "marketplace_endpoint")):
        if getattr(option, name) is not None and option.kind != kind:
            return name, f"only {kind} has it; leave it out"
    return None
