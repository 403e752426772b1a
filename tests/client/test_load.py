"""A real LLMeter, driven by `bench`, against the Bedrock world; `make gateways` runs this."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import boto3
import pytest

from bedrock_autoscaler.cli.routing.loading import Driver, Prompt, completion, converse
from bedrock_autoscaler.report.knee import Ramp, Stage, find_knee
from bedrock_world.server import RunningWorld
from bedrock_world.settings import UnitRate
from bedrock_world.world import World
from tests.client.stage import route, runtime_client
from tests.world.support import CREDENTIALS, NOVA_2, buy

pytest.importorskip(
    "llmeter", reason="LLMeter is not installed here; `make gateways` runs this test"
)

pytestmark = pytest.mark.filterwarnings("ignore")

INPUT_LIMIT = 120_000.0
"""Of one unit: 2,000 tokens a second."""


@pytest.fixture
def world(build: Callable[..., World]) -> Iterator[World]:
    """A world whose clock goes with the machine's."""
    rate = UnitRate(input_tokens_per_minute=INPUT_LIMIT, output_tokens_per_minute=1e6)
    made = build(
        unit_rates={NOVA_2: rate},
        pt_window={"mode": "bucket", "burst_seconds": 0.5},
        output_tokens_median=1.0,
        output_tokens_sigma=0.0,
        lead_time=timedelta(0),
    )
    stop = threading.Event()

    def follow() -> None:
        before = time.monotonic()
        while not stop.wait(0.02):
            now = time.monotonic()
            made.advance(timedelta(seconds=now - before))
            before = now

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    yield made
    stop.set()
    thread.join()


def test_finds_the_rate_of_a_unit(world: World, running: RunningWorld) -> None:
    bedrock = boto3.Session(**CREDENTIALS).client("bedrock", endpoint_url=running.url)
    arn = buy(bedrock)
    bedrock.close()
    client = runtime_client(running.url)
    prompt = Prompt(input_tokens=150, output_tokens=50)
    driver = Driver(converse(client, route(arn)), prompt.request(), clients=12)
    ramp = Ramp(first=300.0, growth=2.0, most_stages=6, refinements=1)

    stages: tuple[Stage, ...] = ()
    while (rate := ramp.next_rate(stages)) is not None:
        stages += (driver.run(rate, 2.0),)

    knee = find_knee(stages, units=1)
    assert knee is not None
    assert knee.is_reached
    # A busy machine sends later than it was told, so the bounds are wide.
    assert 0.4 * INPUT_LIMIT < knee.input_per_minute < 1.3 * INPUT_LIMIT
    assert all(stage.errors == () for stage in stages)
    assert all(len(stage.first_token_seconds) == stage.served for stage in stages)


def test_drives_litellm_where_that_is_asked_for(world: World, running: RunningWorld) -> None:
    """A call through LiteLLM counts as served, one above the unit's rate as throttled."""
    bedrock = boto3.Session(**CREDENTIALS).client("bedrock", endpoint_url=running.url)
    arn = buy(bedrock)
    bedrock.close()
    params = {
        "model": f"bedrock/converse/{NOVA_2}",
        "model_id": arn,
        "aws_bedrock_runtime_endpoint": running.url,
        **{name: CREDENTIALS[name] for name in ("aws_access_key_id", "aws_secret_access_key")},
        "aws_region_name": CREDENTIALS["region_name"],
    }
    prompt = Prompt(input_tokens=150, output_tokens=50)
    driver = Driver(completion(params), prompt.completion(), clients=12)

    calm, hard = driver.run(300.0, 2.0), driver.run(6000.0, 1.0)

    assert (calm.throttled, calm.errors) == (0, ())
    assert calm.served == len(calm.first_token_seconds) > 0
    assert calm.input_tokens > 100 * calm.served
    assert hard.throttled > 0
    assert hard.errors == ()
