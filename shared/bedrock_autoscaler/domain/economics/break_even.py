"""What each way of serving a load costs, and where one becomes cheaper than another.

A load is a steady number of tokens a minute, input and output together, in a given mix. Money is
USD per hour over all hours, busy or not: a unit costs the same when nobody calls.

Source: docs/economics.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isclose

_MINUTES = 60.0
_ROUNDING = 1e-9
_BEYOND, _FULL_UNITS, _PLAIN_LOAD = 2.0, 4.0, 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number that a way rests on, and where it was read."""

    what: str
    value: str
    source: str
    as_of: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way to serve the load, paid by the token or by units that are held.

    Attributes:
        usd_per_token: of the mix; None for one that is paid by units.
        unit_usd_per_hour: of one unit or copy; None for one that is paid by the token.
        unit_tokens_per_minute: of the mix that one unit serves; None unknown: then the way is
            drawn for one unit, whatever it serves.
        is_idle_free: no unit is paid for while nothing is served.
        fixed_usd_per_hour: due besides, served or not.
        is_deferrable: only for what can wait.
        is_other_model: set beside for comparison; it cannot take this model's overflow.
        figures: every number that it rests on.
        note: what a reader must know.
    """

    name: str
    usd_per_token: float | None = None
    unit_usd_per_hour: float | None = None
    unit_tokens_per_minute: float | None = None
    is_idle_free: bool = False
    fixed_usd_per_hour: float = 0.0
    is_deferrable: bool = False
    is_other_model: bool = False
    figures: tuple[Figure, ...] = ()
    note: str = ""

    @property
    def rate_is_unknown(self) -> bool:
        """Whether it is paid by units of which nobody knows what they serve."""
        return self.unit_usd_per_hour is not None and self.unit_tokens_per_minute is None

    def usd_per_hour(self, tokens_per_minute: float) -> float:
        """Cost of the whole load by this way alone."""
        if self.usd_per_token is not None:
            return self.fixed_usd_per_hour + tokens_per_minute * _MINUTES * self.usd_per_token
        return self.fixed_usd_per_hour + self.units_for(tokens_per_minute) * (
            self.unit_usd_per_hour or 0.0
        )

    def units_for(self, tokens_per_minute: float) -> int:
        """Units that the load needs; one where what a unit serves is not known."""
        if self.is_idle_free and tokens_per_minute <= 0:
            return 0
        if self.unit_tokens_per_minute is None:
            return 1
        return max(ceil(tokens_per_minute / self.unit_tokens_per_minute - _ROUNDING), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """The load at which one unit costs what the same tokens cost elsewhere.

    Attributes:
        by_token: name of the way that is paid by the token; cheaper below.
        by_unit: name of the way that is paid by the unit; cheaper above, up to what it serves.
        utilization: of the unit at this load; None while what it serves is unknown.
        is_reached: whether a unit serves so much; None while unknown.
    """

    by_token: str
    by_unit: str
    tokens_per_minute: float
    usd_per_hour: float
    utilization: float | None
    is_reached: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Units for a part of the load, the rest by the token, at the least cost."""

    units: int
    by_unit: str
    usd_per_hour: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Ways beside one another.

    Attributes:
        break_evens: every pair of a way by the token and one by the unit, lowest load first.
        highest: load up to which they are shown, tokens a minute.
    """

    ways: tuple[Way, ...]
    break_evens: tuple[BreakEven, ...]
    highest: float


def compare(ways: Sequence[Way], highest: float | None = None) -> Comparison:
    """The comparison, up to a load that shows every break-even, or some full units."""
    crossings = break_evens(ways)
    if highest is None:
        reached = max((one.tokens_per_minute for one in crossings), default=0.0)
        full = max((way.unit_tokens_per_minute or 0.0 for way in ways), default=0.0)
        highest = max(_BEYOND * reached, _FULL_UNITS * full) or _PLAIN_LOAD
    return Comparison(ways=tuple(ways), break_evens=crossings, highest=highest)


def blended_usd_per_token(
    input_usd_per_1k: float, output_usd_per_1k: float, input_share: float
) -> float:
    """Price of one token of the mix.

    Args:
        input_usd_per_1k: of 1,000 input tokens.
        output_usd_per_1k: of 1,000 output tokens.
        input_share: of all tokens, 0 to 1.
    """
    return (input_usd_per_1k * input_share + output_usd_per_1k * (1.0 - input_share)) / 1_000.0


def tokens_of_mix(
    input_tokens_per_minute: float, output_tokens_per_minute: float | None, input_share: float
) -> float:
    """Tokens a minute of the mix within two separate limits; the tighter one binds."""
    bounds = [input_tokens_per_minute / input_share] if input_share > 0 else []
    if output_tokens_per_minute is not None and input_share < 1:
        bounds.append(output_tokens_per_minute / (1.0 - input_share))
    if not bounds:
        raise ValueError("a mix of output alone has no limit where only input is limited")
    return min(bounds)


def break_evens(ways: Sequence[Way]) -> tuple[BreakEven, ...]:
    """Every pair of a way by the token and one by the unit, lowest load first."""
    found = []
    for fixed in ways:
        for flexible in ways:
            hourly, price = fixed.unit_usd_per_hour, flexible.usd_per_token
            if hourly is None or price is None or price <= 0:
                continue
            due = hourly + fixed.fixed_usd_per_hour - flexible.fixed_usd_per_hour
            load = due / (_MINUTES * price)
            served = fixed.unit_tokens_per_minute
            found.append(
                BreakEven(
                    by_token=flexible.name,
                    by_unit=fixed.name,
                    tokens_per_minute=load,
                    usd_per_hour=flexible.usd_per_hour(load),
                    utilization=None if served is None else load / served,
                    is_reached=None if served is None else load <= served or isclose(load, served),
                )
            )
    return tuple(sorted(found, key=lambda one: (one.tokens_per_minute, one.by_unit, one.by_token)))


def cheapest(ways: Sequence[Way], tokens_per_minute: float) -> Way | None:
    """The cheapest way that answers at once and is known to serve the load."""
    able = [way for way in ways if not way.is_deferrable and _is_able(way)]
    return min(able, key=lambda way: way.usd_per_hour(tokens_per_minute), default=None)


def best_mix(ways: Sequence[Way], tokens_per_minute: float) -> Mix | None:
    """Units of one way for the full part of the load, the rest by the cheapest token.

    None where there is no way by the token, or none by the unit whose rate is known.
    """
    prices = [
        way.usd_per_token
        for way in ways
        if way.usd_per_token is not None and not (way.is_deferrable or way.is_other_model)
    ]
    units = [way for way in ways if way.unit_usd_per_hour is not None and _is_able(way)]
    if not prices or not units:
        return None
    price = min(prices) * _MINUTES
    mixes = [
        Mix(
            units=count,
            by_unit=way.name,
            usd_per_hour=count * (way.unit_usd_per_hour or 0.0)
            + max(tokens_per_minute - count * (way.unit_tokens_per_minute or 0.0), 0.0) * price,
        )
        for way in units
        for count in range(way.units_for(tokens_per_minute) + 1)
    ]
    return min(mixes, key=lambda mix: (mix.usd_per_hour, mix.units))


def _is_able(way: Way) -> bool:
    return not way.rate_is_unknown
