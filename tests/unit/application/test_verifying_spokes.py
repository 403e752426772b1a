"""The verifier, of targets whose throughputs are in another account."""

from bedrock_autoscaler.application.fleets.places import Place
from bedrock_autoscaler.application.fleets.working import FleetApplication
from bedrock_autoscaler.application.reviewing.inspecting import Facts, Spot, holdings
from bedrock_autoscaler.application.reviewing.verifying import verify
from bedrock_autoscaler.domain.fleet.lifecycle import Life
from bedrock_autoscaler.domain.units import HOUR, MINUTE
from tests.builders import ACCOUNT, NOW, PT_MODEL, REGION, build_target
from tests.fakes.memory_places import OWNER
from tests.intents import ONE_UNIT
from tests.staging import QUARTERLY, Script, Stage
from tests.unit.application.looks import Copies, look
from tests.unit.application.test_working import Shared

AWAY = Place(account="000011112222", region=REGION)


def spread() -> tuple[Stage, Facts, Facts]:
    """A unit bought and routed in a spoke; what is found with a way there, and without."""
    script = Script()
    script.actions[NOW] = (ONE_UNIT,)
    scene = Stage(build_target(thresholds=QUARTERLY, account=AWAY.account), core=script)
    there = scene.places.spoke(AWAY)
    there.capacity.quota[PT_MODEL] = 10
    there.metrics.beat_through(NOW - 4 * HOUR, NOW + HOUR)
    shared, home = Shared(), Place(account=ACCOUNT, region=REGION)
    fleet = FleetApplication(scene.application, scene, shared, home)
    for _ in range(20):
        fleet.dispatch(scene.now)
        fleet.visit(shared.assignments.receive())
        scene.purchase()
        scene.publish()
        scene.clock.advance(MINUTE)

    def way(place: Place) -> Spot | None:
        assert place == AWAY
        return Spot(capacity=there.capacity, projection=Copies(there.copies), owner=OWNER)

    return scene, look(scene, home=home, elsewhere=way), look(scene, home=home)


def without_replays(facts: Facts) -> list[str]:
    return [found.message for found in verify(facts) if found.oracle != "O14"]


def test_a_target_in_a_spoke_is_looked_at_there() -> None:
    _, seen, _ = spread()

    assert without_replays(seen) == []
    (held,) = holdings(seen)
    assert (held.target, held.life) == ("chat", Life.ROUTED)
    (chat,) = seen.targets
    assert chat.is_seen
    assert chat.projected == chat.table


def test_where_nobody_can_look_nothing_is_found() -> None:
    _, _, unseen = spread()

    assert without_replays(unseen) == []
    assert holdings(unseen) == ()
    assert not unseen.targets[0].is_seen


def test_a_throughput_with_our_tag_that_no_purchase_explains_is_found_in_a_spoke() -> None:
    scene, _, _ = spread()
    there = scene.places.spoke(AWAY).capacity
    there.add(name="stray", model_id=PT_MODEL, model_units=1, deployment=OWNER, target="chat")
    home = Place(account=ACCOUNT, region=REGION)

    def way(_: Place) -> Spot:
        copies = Copies(scene.places.spoke(AWAY).copies)
        return Spot(capacity=there, projection=copies, owner=OWNER)

    messages = without_replays(look(scene, home=home, elsewhere=way))

    assert any("the ledger knows no purchase of it" in message for message in messages)


def test_a_place_without_targets_any_more_is_looked_at_while_the_ledger_holds_something_there() -> (
    None
):
    scene, _, _ = spread()
    scene.targets = ()
    home, there = Place(account=ACCOUNT, region=REGION), scene.places.spoke(AWAY)

    def way(_: Place) -> Spot:
        return Spot(capacity=there.capacity, projection=Copies(there.copies), owner=OWNER)

    seen, unseen = look(scene, home=home, elsewhere=way), look(scene, home=home)

    assert any("nobody watches it" in message for message in without_replays(seen))
    assert (len(holdings(seen)), seen.unseen) == (1, ())
    assert (holdings(unseen), unseen.unseen) == ((), (AWAY,))
