"""Two Regions of a Bedrock world in a process of their own, their clocks in step with real time."""

import multiprocessing
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any

import httpx

from bedrock_world.server import serve
from bedrock_world.settings import Window, WorldSettings
from bedrock_world.world import World

HOME, AWAY = "us-east-1", "us-west-2"
MODEL = "amazon.nova-lite-v1:0"
PROFILE = f"us.{MODEL}"
# Requests a minute of Nova Lite: on demand in the Region, and by its geographic profile.
_ON_DEMAND_QUOTA, _PROFILE_QUOTA = "L-E386A278", "L-89F8391A"
_STEP_SECONDS = 0.02
_START = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """Calls a second that each way admits, in a token bucket of `burst_seconds`."""

    on_demand: float
    profile: float
    profile_away: float
    burst_seconds: float

    def settings(self, region: str) -> dict[str, Any]:
        """The settings of a Region's world."""
        profile = self.profile if region == HOME else self.profile_away
        on_demand = self.on_demand if region == HOME else 0.0
        return {
            "region": region,
            "start": _START,
            "applied_quotas": {_ON_DEMAND_QUOTA: on_demand * 60, _PROFILE_QUOTA: profile * 60},
            "quota_window": Window(mode="bucket", burst_seconds=self.burst_seconds),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Worlds:
    """The URLs of both Regions, and a line to their process."""

    home: str
    away: str
    _line: Connection

    def renew(self) -> None:
        """Put fresh worlds behind the same URLs, with full buckets and nothing counted."""
        self._line.send("renew")
        self._line.recv()

    def attempts(self) -> tuple[int, int]:
        """Attempts served and throttled since the worlds were made, in both Regions."""
        served = throttled = 0
        for url in (self.home, self.away):
            window = {"start": _START.isoformat(), "end": (_START + timedelta(days=1)).isoformat()}
            for minute in httpx.get(f"{url}/_world/traffic", params=window).json():
                served += minute["served"]
                throttled += minute["throttled"]
        return served, throttled


@contextmanager
def worlds(capacity: Capacity) -> Iterator[Worlds]:
    """Serve both Regions until the block ends."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(capacity, theirs), daemon=True)
    process.start()
    # With this end closed here, the death of the other process is an error and no endless wait.
    theirs.close()
    try:
        home, away = ours.recv()
        yield Worlds(home=home, away=away, _line=ours)
        ours.send("stop")
        process.join(10)
    finally:
        process.terminate()


def _serve(capacity: Capacity, line: Connection) -> None:
    """The other process: serve, keep the clocks, renew when asked."""

    def fresh() -> list[World]:
        return [World(WorldSettings(**capacity.settings(region))) for region in (HOME, AWAY)]

    current = fresh()
    served = [serve(world) for world in current]
    threading.Thread(target=_keep_time, args=(served,), daemon=True).start()
    line.send([each.url for each in served])
    while line.recv() == "renew":
        for each, world in zip(served, fresh(), strict=True):
            each.replace(world)
        line.send("done")


def _keep_time(served: list[Any]) -> None:
    """Move the clock of whatever world is served along with real time."""
    before = time.monotonic()
    while True:
        time.sleep(_STEP_SECONDS)
        now = time.monotonic()
        for each in served:
            each.world.advance(timedelta(seconds=now - before))
        before = now
