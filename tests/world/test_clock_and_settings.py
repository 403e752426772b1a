"""The virtual clock, the switches and their documentation, determinism, and speed."""

import json
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bedrock_world.clock import VirtualClock
from bedrock_world.runtime import Call, MinuteOffer
from bedrock_world.settings import WorldSettings
from bedrock_world.world import World
from tests.world.support import HELLO, NOVA_2, NOVA_LITE, memory, world_with

START = datetime(2026, 1, 5, tzinfo=UTC)
WORLD_PAGE = Path(__file__).parents[2] / "docs" / "world.md"


def test_the_clock_stands_still_until_it_is_moved_and_tells_its_listeners() -> None:
    clock = VirtualClock(START)
    heard: list[datetime] = []
    clock.subscribe(heard.append)
    clock.advance(timedelta(minutes=5))
    clock.set(datetime.fromisoformat("2026-01-05T02:00:00+01:00"))

    assert clock.now() == START + timedelta(hours=1)
    assert clock.now().tzinfo is UTC
    assert heard == [START + timedelta(minutes=5), START + timedelta(hours=1)]


def test_the_clock_neither_runs_back_nor_takes_a_naive_instant() -> None:
    clock = VirtualClock(START)
    for wrong, words in (
        (START - timedelta(microseconds=1), "cannot go back"),
        (START.replace(tzinfo=None), "no time zone"),
    ):
        with pytest.raises(ValueError, match=words):
            clock.set(wrong)

    assert clock.now() == START


def test_a_change_of_switches_is_whole_or_not_at_all() -> None:
    world = world_with(lead_time=timedelta(minutes=1))
    with pytest.raises(ValidationError):
        world.reconfigure(lead_time=timedelta(minutes=2), backfill_share=7)
    unchanged = world.config.current
    world.reconfigure(lead_time=timedelta(minutes=2))

    assert unchanged.lead_time == timedelta(minutes=1)
    assert world.config.current.lead_time == timedelta(minutes=2)
    assert world.config.current.applied_quotas == unchanged.applied_quotas


def test_the_page_names_every_switch_with_its_default_and_no_other() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", WORLD_PAGE.read_text(), re.MULTILINE))
    defaults = {
        name: json.dumps(json.loads(WorldSettings().model_dump_json(include={name}))[name])
        for name in WorldSettings.model_fields
    }

    assert rows.keys() == defaults.keys()
    shown = {name: text.strip("`") for name, text in rows.items() if text.startswith("`")}
    assert shown == {name: text for name, text in defaults.items() if name in shown}
    # The others are too long for a table and said in words.
    assert set(defaults) - set(shown) == {"default_unit_rate", "unit_prices"}


def _transcript(seed: int) -> str:
    """Everything a run answers and publishes, as text."""
    world = world_with(
        seed=seed,
        lead_time_longest=timedelta(minutes=40),
        backfill_share=0.3,
        episodes=[{"start": START, "end": START + timedelta(minutes=50), "share": 0.2}],
    )
    log: list[Any] = []

    def call(operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        answer = world.call(operation, params)
        log.append(answer)
        return answer

    params = {"modelUnits": 1, "provisionedModelName": "fleet-1", "modelId": NOVA_2}
    arn = call("CreateProvisionedModelThroughput", params)["provisionedModelArn"]
    for minute in range(60):
        calls = [Call(input_tokens=9, output_tokens=5)] * 20
        for address in (arn, NOVA_LITE):
            offer = MinuteOffer(
                address=address, start=world.clock.now(), seconds=range(20), calls=calls
            )
            log.append(world.offer_minute(offer))
        if minute % 20 == 0:
            call("ListProvisionedModelThroughputs", {})
        world.advance(timedelta(minutes=1))
    call("Converse", {"modelId": NOVA_LITE, "messages": HELLO})
    log.append(world.bill(START, world.clock.now()))
    return "\n".join(map(str, [*log, *memory(world).data]))


def test_one_seed_gives_one_history() -> None:
    assert _transcript(7) == _transcript(7)
    assert _transcript(7) != _transcript(8)


def test_a_demo_day_of_offers_costs_seconds() -> None:
    """100,000 calls in 20 s of one core are 200 us a call; a tenth of that day is measured."""
    world = world_with()
    call = Call(input_tokens=900, output_tokens=300, max_tokens=1000)
    begin = time.process_time()
    for _ in range(100):
        offer = MinuteOffer(
            address=NOVA_LITE,
            start=world.clock.now(),
            seconds=[n * 0.6 for n in range(100)],
            calls=[call] * 100,
        )
        world.offer_minute(offer)
        world.advance(timedelta(minutes=1))

    assert time.process_time() - begin < 2.0


def test_a_world_can_live_in_another_account_and_region() -> None:
    world = World(WorldSettings(region="eu-central-1", account_id="123456789012"))
    found = world.call("ListInferenceProfiles", {"typeEquals": "SYSTEM_DEFINED"})
    arns = [row["inferenceProfileArn"] for row in found["inferenceProfileSummaries"]]

    assert (
        "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.amazon.nova-lite-v1:0"
        in (arns)
    )
    assert not any("/us." in arn for arn in arns)
