"""The admission of calls: one at a time, or a minute of them for a traffic driver."""

import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bedrock_world.addressing import Addresses, Asked, Route
from bedrock_world.admission import Demand
from bedrock_world.clock import VirtualClock, as_utc
from bedrock_world.errors import BedrockError, not_found, validation
from bedrock_world.metrics import Recorder, Sample
from bedrock_world.settings import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What one call brings.

    Attributes:
        max_tokens: None stands for the model's largest output, as on AWS, and reserves it.
        cache_read_tokens: input served from the prompt cache; takes no quota.
        cache_write_tokens: input written to it; takes quota like input.
        tier, latency: that it asks for.
    """

    input_tokens: int
    output_tokens: int
    max_tokens: int | None = None
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    tier: str = ""
    latency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a call; `code` None when it was served.

    Attributes:
        output_tokens: generated, never more than the call allowed; 0 when refused.
        latency_ms: 0 when refused.
        tier, latency: by which it was served.
    """

    code: str | None
    message: str = ""
    output_tokens: int = 0
    latency_ms: int = 0
    tier: str = "default"
    latency: str = "standard"

    @property
    def served(self) -> bool:
        """Whether the call got its answer."""
        return self.code is None


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteOffer:
    """The calls that callers address to one place in one minute.

    Attributes:
        seconds: after `start`, ascending, each in [0, 60); one per call.
        calls: in the same order.
    """

    address: str
    start: datetime
    seconds: Sequence[float]
    calls: Sequence[Call]

    def __post_init__(self) -> None:
        if len(self.seconds) != len(self.calls):
            raise ValueError(f"{len(self.seconds)} instants for {len(self.calls)} calls")


@dataclass(slots=True, kw_only=True)
class MinuteResult:
    """What became of a minute of calls.

    Attributes:
        refused: error code by index of the call.
        input_tokens, output_tokens: of the served calls.
    """

    served: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    refused: dict[int, str] = field(default_factory=dict)

    def refused_by_code(self) -> dict[str, int]:
        """How many calls were refused with each error code."""
        return dict(Counter(self.refused.values()))


class Runtime:
    """Admits calls to quotas and PTs and has them counted."""

    def __init__(
        self, config: Config, clock: VirtualClock, addresses: Addresses, recorder: Recorder
    ) -> None:
        self._config = config
        self._clock = clock
        self._addresses = addresses
        self._recorder = recorder
        self._chance = random.Random(f"{config.current.seed}/episodes")  # noqa: S311 - simulation
        # Imported models: when the copy that runs or loads is ready, and when it was last asked.
        self._copies: dict[str, tuple[datetime, datetime]] = {}
        self._calls: dict[str, tuple[datetime, int]] = {}

    def offer(self, address: str, call: Call, at: datetime | None = None) -> Outcome:
        """Offer one call at an instant, now by default; it is served or refused, never raised."""
        instant = self._clock.now() if at is None else as_utc(at)
        try:
            asked = Asked(input_tokens=call.input_tokens, tier=call.tier, latency=call.latency)
            ways = self._addresses.ways(address, asked)
        except BedrockError as error:
            return Outcome(code=error.code, message=error.message)
        for way in ways[:-1]:
            # What a reservation or the faster way refuses is served the usual way.
            outcome = self._offer(way, call, instant, instant.timestamp())
            if outcome.code != "ThrottlingException":
                return outcome
        return self._offer(ways[-1], call, instant, instant.timestamp())

    def offer_minute(self, offer: MinuteOffer) -> MinuteResult:
        """Offer a minute of calls in the order of their instants."""
        result = MinuteResult()
        try:
            route = self._addresses.resolve(offer.address)
        except BedrockError as error:
            result.refused = dict.fromkeys(range(len(offer.calls)), error.code)
            return result
        start = as_utc(offer.start)
        start_seconds = start.timestamp()
        for index, (second, call) in enumerate(zip(offer.seconds, offer.calls, strict=True)):
            instant = start + timedelta(seconds=second)
            outcome = self._offer(route, call, instant, start_seconds + second)
            if outcome.code is None:
                result.served += 1
                result.input_tokens += call.input_tokens
                result.output_tokens += outcome.output_tokens
            else:
                result.refused[index] = outcome.code
        return result

    def _offer(self, route: Route, call: Call, instant: datetime, seconds: float) -> Outcome:
        try:
            self._check(route, call, instant)
        except BedrockError as error:
            # A PT that is gone, or a model past its end, has no series to count in.
            if _is_there(route, instant):
                self._count_error(route, error, seconds)
            return Outcome(code=error.code, message=error.message)
        output = min(call.output_tokens, self._most_output(route, call))
        settings = self._config.current
        latency = settings.latency_base_ms + settings.latency_per_output_token_ms * output
        demand = self._demand(route, call, output, seconds + latency / 1000)
        refusal = route.pool.admit(seconds, demand)
        if refusal is not None:
            # What is served another way was not refused.
            if route.tier == "default" and route.latency == "standard":
                self._recorder.throttled(route.metric_id, seconds)
            return Outcome(code="ThrottlingException", message=refusal)
        burndown = 1 if route.purchase else route.base.burndown
        self._recorder.served(
            route.metric_id,
            demand.ends,
            Sample(
                input_tokens=call.input_tokens,
                output_tokens=output if route.base.is_text else None,
                cache_read_tokens=call.cache_read_tokens,
                cache_write_tokens=call.cache_write_tokens,
                quota_tokens=call.input_tokens + call.cache_write_tokens + output * burndown,
                latency_ms=round(latency),
            ),
        )
        tier = route.tier if call.tier in {"", "reserved"} else call.tier
        return Outcome(
            code=None,
            output_tokens=output,
            latency_ms=round(latency),
            tier=tier,
            latency=route.latency,
        )

    def _most_output(self, route: Route, call: Call) -> int:
        if call.max_tokens is None or not route.base.is_text:
            return route.base.max_output_tokens
        return call.max_tokens

    def _demand(self, route: Route, call: Call, output: int, ends: float) -> Demand:
        """On demand: one request, and input + max_tokens settled to real use with burndown.

        A PT: input and output tokens, or both in one weighted sum.
        """
        tokens = call.input_tokens + call.cache_write_tokens
        most = self._most_output(route, call)
        if route.purchase is None:
            return Demand(
                ends=ends,
                reserved_first=1,
                used_first=1,
                reserved_second=tokens + most,
                used_second=tokens + output * route.base.burndown,
            )
        held = most if self._config.current.pt_admission == "reserved" else output
        if route.output_weight is not None:
            weight = route.output_weight
            return Demand(
                ends=ends,
                reserved_first=tokens + weight * held,
                used_first=tokens + weight * output,
                reserved_second=0,
                used_second=0,
            )
        return Demand(
            ends=ends,
            reserved_first=tokens,
            used_first=tokens,
            reserved_second=held,
            used_second=output,
        )

    def _check(self, route: Route, call: Call, instant: datetime) -> None:
        """Everything but capacity.

        Raises:
            BedrockError: the call is refused whatever is free.
        """
        if route.denied:
            raise BedrockError(
                "AccessDeniedException",
                "User is not authorized to perform: bedrock:InvokeModel on this resource.",
            )
        if route.ends is not None and instant >= route.ends:
            raise not_found("This model version has reached the end of its life.")
        if route.purchase is not None and not route.purchase.serves(instant):
            raise self._not_serving(route, instant)
        most = route.base.max_output_tokens
        if call.max_tokens is not None and route.base.is_text and call.max_tokens > most:
            raise validation(
                f"The maximum tokens you requested exceeds the model limit of {most}. Try again "
                f"with a maximum tokens value that is lower than {most}."
            )
        if route.episodes:
            self._check_episodes(route, instant)
        if route.imported:
            self._check_copy(route.imported, instant)

    def _not_serving(self, route: Route, instant: datetime) -> BedrockError:
        settings = self._config.current
        if not _is_there(route, instant):
            return BedrockError(settings.deleted_pt_error, "The provisioned model was not found.")
        return BedrockError(settings.creating_pt_error, "The provisioned model is not InService.")

    def _check_episodes(self, route: Route, instant: datetime) -> None:
        for episode in route.episodes:
            running = episode.start <= instant < episode.end
            if running and self._chance.random() < episode.share:
                raise BedrockError(
                    episode.code, "Bedrock is unable to process your request: high demand."
                )

    def _check_copy(self, arn: str, instant: datetime) -> None:
        settings = self._config.current
        ready, asked = self._copies.get(arn, (None, None))
        if ready is None or asked is None or instant - asked >= settings.imported_idle_time:
            ready = instant + settings.imported_load_time
        self._copies[arn] = (ready, instant)
        self._count_copies(arn, instant)
        if instant < ready:
            raise BedrockError(
                "ModelNotReadyException",
                "Model is not ready for inference. Wait and try your request again.",
            )

    def _count_copies(self, arn: str, instant: datetime) -> None:
        """Copies run from the first call on until they have idled; many calls need more of them."""
        settings = self._config.current
        minute = instant.replace(second=0, microsecond=0)
        begun, calls = self._calls.get(arn, (minute, 0))
        calls = calls + 1 if begun == minute else 1
        self._calls[arn] = (minute, calls)
        copies = math.ceil(calls / settings.imported_calls_per_copy)
        while minute < instant + settings.imported_idle_time:
            self._recorder.copies(arn, minute.timestamp(), copies)
            minute += timedelta(minutes=1)

    def _count_error(self, route: Route, error: BedrockError, seconds: float) -> None:
        by_server = error.code in {"ServiceUnavailableException", "InternalServerException"}
        self._recorder.failed(route.metric_id, seconds, by_server=by_server)


def _is_there(route: Route, instant: datetime) -> bool:
    if route.ends is not None and instant >= route.ends:
        return False
    return route.purchase is None or route.purchase.exists(instant)
