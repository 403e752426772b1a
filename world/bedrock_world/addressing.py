"""From the `modelId` of a call to the capacity that serves it."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from datetime import datetime

from bedrock_world.admission import Pool, meter
from bedrock_world.catalogue import Family, FoundationModel, Quota, catalogue
from bedrock_world.deployments import Deployments
from bedrock_world.endpoints import Endpoints
from bedrock_world.errors import BedrockError, not_found, validation
from bedrock_world.models import Models
from bedrock_world.profiles import Profile, Profiles
from bedrock_world.provisioned import ProvisionedModel
from bedrock_world.purchases import Purchases
from bedrock_world.quotas import Quotas
from bedrock_world.settings import Config, Episode, Window

TOO_MANY_REQUESTS = "Too many requests, please wait before trying again."
TOO_MANY_TOKENS = "Too many tokens, please wait before trying again."
_INVALID = "The provided model identifier is invalid."
_CHANGING = (
    ":application-inference-profile/",
    ":custom-model-deployment/",
    ":endpoint/",
    "prompt-router/",
)
_IMPORTED = FoundationModel(
    id="imported",
    name="Imported",
    provider="Account",
    body="llama",
    input=("TEXT",),
    output=("TEXT",),
    in_region=True,
    max_output_tokens=4096,
    burndown=1,
    quotas={},
)


@dataclass(slots=True, kw_only=True)
class Route:
    """Where calls to one address go while the settings stay as they are.

    Attributes:
        metric_id: the value of the `ModelId` dimension.
        purchase: the PT; None for every other kind of address.
        output_weight: for a PT with one weighted limit, what an output token counts.
        ends: when the model reaches its end of life.
        imported: the ARN of an imported model; empty for every other kind.
        tier, latency: what a call served here was served by.
    """

    metric_id: str
    base: FoundationModel
    pool: Pool
    denied: bool
    episodes: tuple[Episode, ...]
    ends: datetime | None
    purchase: ProvisionedModel | None = None
    output_weight: float | None = None
    imported: str = ""
    tier: str = "default"
    latency: str = "standard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What of a call decides where it goes besides its address."""

    input_tokens: int
    tier: str
    latency: str


class Addresses:
    """Resolves addresses and owns the pools behind them."""

    def __init__(
        self,
        config: Config,
        *,
        models: Models,
        profiles: Profiles,
        purchases: Purchases,
        deployments: Deployments,
        endpoints: Endpoints,
        quotas: Quotas,
    ) -> None:
        self._deployments = deployments
        self._endpoints = endpoints
        self._own: dict[str, Callable[[str], Route]] = {
            ":imported-model/": self._imported,
            ":custom-model-deployment/": self._deployed,
            ":endpoint/": self._endpoint,
            "prompt-router/": lambda address: self.resolve(self._routed(address, 1)),
        }
        self._config = config
        self._models = models
        self._profiles = profiles
        self._purchases = purchases
        self._quotas = quotas
        self._pools: dict[Hashable, Pool] = {}
        self._routes: dict[str, Route] = {}
        self._routes_of = config.current

    def resolve(self, address: str) -> Route:
        """The route of an address; whether it serves at this moment is another question.

        Raises:
            BedrockError: the address leads nowhere, or a bare id needs a profile.
        """
        if self._routes_of is not self._config.current:
            self._routes_of = self._config.current
            self._routes.clear()
        route = self._routes.get(address)
        if route is None:
            route = self._build(address)
            # What the account can delete, resize or rename is looked up anew.
            renamable = self._config.current.pt_metric_id == "name"
            if not renamable and not any(part in address for part in _CHANGING):
                self._routes[address] = route
        return route

    def ways(self, address: str, asked: Asked) -> tuple[Route, ...]:
        """Where a call may be served: as it asks for first, then the usual way.

        Latency-optimized calls that its quota refuses are served and billed as standard ones, and
        so are those that a reservation does not hold.

        Raises:
            BedrockError: the address leads nowhere, or has no such latency.
        """
        if "prompt-router/" in address:
            address = self._routed(address, asked.input_tokens)
        usual = self.resolve(address)
        if asked.latency == "optimized":
            return (self._optimized(usual, address), usual)
        reserved = self._config.current.reserved_tokens_per_minute.get(usual.metric_id)
        if asked.tier == "reserved" and reserved is not None:
            pool = self._pool(("reserved", usual.metric_id), None, reserved, Window())
            return (replace(usual, pool=pool, tier="reserved"), usual)
        return (usual,)

    def _routed(self, address: str, input_tokens: int) -> str:
        """The profile that a prompt router picks."""
        settings = self._config.current
        for router in settings.prompt_routers:
            if router.arn == address:
                is_long = input_tokens >= settings.router_long_prompt_tokens
                return router.large if is_long else router.small
        raise not_found(f"The prompt router {address} was not found.")

    def _optimized(self, usual: Route, address: str) -> Route:
        """The latency-optimized way, which some models have through their `us` profile."""
        name = address.rsplit("/", maxsplit=1)[-1]
        if "optimized" not in usual.base.quotas or not name.startswith("us."):
            raise validation(
                f"Latency performance configuration is not supported for {usual.base.id}"
            )
        pool = self._on_demand_pool(usual.base, "optimized")
        metric_id = f"{usual.metric_id}+latency-optimized"
        return replace(usual, pool=pool, metric_id=metric_id, latency="optimized")

    def _build(self, address: str) -> Route:
        if ":provisioned-model/" in address:
            return self._provisioned(address)
        if ":application-inference-profile/" in address:
            profile = self._profiles.application_profile(address)
            if profile is None:
                raise not_found(f"The inference profile {address} was not found.")
            return self._profile(profile, address)
        own = next((build for part, build in self._own.items() if part in address), None)
        if own is not None:
            return own(address)
        if ":custom-model/" in address:
            raise validation("The provided model doesn't support on-demand throughput.")
        system = self._profiles.system_profile(address)
        return self._profile(system, address) if system else self._in_region(address)

    def _provisioned(self, address: str) -> Route:
        purchase = self._purchases.by_arn(address)
        if purchase is None:
            code = self._config.current.deleted_pt_error
            raise BedrockError(code, f"The provisioned model {address} was not found.")
        settings = self._config.current
        rate = settings.unit_rates.get(purchase.purchase_id, settings.default_unit_rate)
        first = rate.input_tokens_per_minute * purchase.units
        second = None
        if rate.output_tokens_per_minute is not None and rate.output_weight is None:
            second = rate.output_tokens_per_minute * purchase.units
        shown = {
            "arn": purchase.arn,
            "id": purchase.id,
            "name": purchase.name,
            "model_id": purchase.purchase_id,
        }
        route = self._route(
            shown[settings.pt_metric_id],
            catalogue().models[purchase.base_id],
            self._pool(purchase.arn, first, second, settings.pt_window),
            address,
        )
        route.purchase, route.output_weight = purchase, rate.output_weight
        return route

    def _profile(self, profile: Profile, address: str) -> Route:
        settings = self._config.current
        own = profile.kind == "APPLICATION"
        form = settings.application_profile_metric_id if own else settings.profile_metric_id
        if not profile.source and not self._models.is_in_region(profile.base):
            raise self._needs_profile(profile.base.id)
        family: Family = "on_demand"
        if profile.source:
            family = "global" if profile.source == "global" else "cross_region"
        metric_id = profile.id if form == "id" else profile.arn
        pool = self._on_demand_pool(profile.base, family)
        return self._route(metric_id, profile.base, pool, address)

    def _deployed(self, address: str) -> Route:
        deployment = self._deployments.active(address)
        pool = self._on_demand_pool(deployment.base, "deployment")
        return self._route(address, deployment.base, pool, address)

    def _endpoint(self, address: str) -> Route:
        limit = self._endpoints.calls_per_minute(self._endpoints.find(address))
        pool = self._pool(("endpoint", address), limit, None, Window())
        return self._route(address, _IMPORTED, pool, address)

    def _imported(self, address: str) -> Route:
        if address not in self._config.current.imported_models:
            raise not_found(f"The imported model {address} was not found.")
        pool = self._pool(address, None, None, Window())
        route = self._route(address, _IMPORTED, pool, address)
        route.imported = address
        return route

    def _in_region(self, address: str) -> Route:
        arn, _, model_id = address.rpartition("foundation-model/")
        if arn and arn != f"arn:aws:bedrock:{self._config.current.region}::":
            raise validation(_INVALID)
        variant = catalogue().variants.get(model_id)
        if variant and variant[0].id != model_id:
            raise validation("The provided model doesn't support on-demand throughput.")
        base = catalogue().models.get(model_id)
        if base is None:
            raise validation(_INVALID)
        if not self._models.is_in_region(base):
            raise self._needs_profile(model_id)
        return self._route(model_id, base, self._on_demand_pool(base, "on_demand"), address)

    def _needs_profile(self, model_id: str) -> BedrockError:
        return validation(
            f"Invocation of model ID {model_id} with on-demand throughput isn\u2019t supported. "
            "Retry your request with the ID or ARN of an inference profile that contains this "
            "model."
        )

    def _route(self, metric_id: str, base: FoundationModel, pool: Pool, address: str) -> Route:
        settings = self._config.current
        is_pt = ":provisioned-model/" in address
        return Route(
            metric_id=metric_id,
            base=base,
            pool=pool,
            denied=bool({address, metric_id} & settings.denied),
            episodes=tuple(
                episode
                for episode in settings.episodes
                if (metric_id in episode.addresses if episode.addresses else not is_pt)
            ),
            ends=self._models.life_cycle(base).end_of_life,
        )

    def _on_demand_pool(self, base: FoundationModel, family: Family) -> Pool:
        """The pool that every address of one model and quota family shares."""
        pair = base.quotas.get(family)
        requests = self._limit(pair.requests if pair else None)
        tokens = self._limit(pair.tokens if pair else None)
        return self._pool((family, base.id), requests, tokens, self._config.current.quota_window)

    def _limit(self, quota: Quota | None) -> float | None:
        return None if quota is None else self._quotas.value(quota)

    def _pool(
        self, key: Hashable, first: float | None, second: float | None, window: Window
    ) -> Pool:
        """One pool per key and limits, so that unrelated switches do not refill it."""
        whole_key = (key, first, second, window)
        if whole_key not in self._pools:
            # Only on demand the first limit counts requests.
            first_words = TOO_MANY_TOKENS if isinstance(key, str) else TOO_MANY_REQUESTS
            self._pools[whole_key] = Pool(
                meter(first, window), meter(second, window), (first_words, TOO_MANY_TOKENS)
            )
        return self._pools[whole_key]
