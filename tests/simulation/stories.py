"""Short stories without faults, whose every call is then struck by every fault."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from bedrock_autoscaler.domain.consents.consent import RecordedConsent
from bedrock_autoscaler.domain.decision import Decision, Release, Situation
from bedrock_autoscaler.domain.target import Commitment, Loop
from tests.simulation.approval_stories import APPROVAL_STORIES
from tests.simulation.ending import hold
from tests.simulation.endpoint_stories import ENDPOINT_STORIES
from tests.simulation.settings import NAMES, START
from tests.simulation.story import (
    ACTORS,
    CAPACITY,
    PUBLISH,
    PURCHASE,
    RELEASE,
    ROUTING,
    Story,
    Wishes,
    happens,
)

_BUY = Wishes(units=((0, 1),))
_BUYING = (
    (5, (), (CAPACITY, PURCHASE)),
    (2, (), (PURCHASE, PUBLISH)),
    (1, (), (ROUTING, PUBLISH)),
)
_LEAVE = Wishes(units=((0, 0),))


def _leave_in_turn(situation: Situation) -> Decision:
    """One of two may leave; five minutes later the other one, whatever became of that."""
    decision = hold(situation)
    if situation.loop is Loop.ROUTING:
        return decision
    turn = (situation.scheduled_at - START) // timedelta(minutes=5) % 2
    actions = tuple(
        Release(arn=pt.arn, model_units=pt.model_units)
        for pt in situation.fleet.owned[turn : turn + 1]
    )
    return replace(decision, actions=actions)


# A PT that is 15 minutes old at the beginning has its window from 22 to 30 minutes after its
# purchase: at the moments 7 to 15.
_LEAVING = (
    (1, (), (CAPACITY, RELEASE, PUBLISH)),
    (9, (), (RELEASE, PUBLISH)),
    (1, (), (RELEASE, PUBLISH)),
)
_CONSENT = RecordedConsent(
    id="c0",
    target=NAMES[0],
    model_id=f"vendor.{NAMES[0]}-v1:0:24k",
    units=1,
    term=Commitment.ONE_MONTH,
    max_usd_per_hour=Decimal(60),
    given_by="a person",
    valid_until=START + timedelta(hours=6),
)

BRIEF: tuple[Story, ...] = (
    Story(
        name="buy once",
        core=_BUY,
        moments=((5, (), (CAPACITY, PURCHASE)), (2, (), (PURCHASE,))),
        must=frozenset({"created"}),
    ),
    Story(
        name="let go once",
        core=_LEAVE,
        held=(15,),
        moments=((1, (), (CAPACITY, RELEASE, PUBLISH)), (9, (), (RELEASE,))),
        must=frozenset({"gone"}),
    ),
    Story(
        name="publish once",
        core=Wishes(units=()),
        moments=((5, (), (CAPACITY, PUBLISH)), (1, (), (ROUTING, PUBLISH))),
        must=frozenset({"tables.publish"}),
    ),
)
"""Stories so short that every pair of faults can strike them."""

STORIES: tuple[Story, ...] = (
    Story(
        name="buy and route",
        core=_BUY,
        moments=_BUYING,
        must=frozenset({"created", "tables.publish"}),
    ),
    Story(
        name="buy while lists and tags lag",
        core=_BUY,
        moments=(*_BUYING, (10, (), (PURCHASE,)), (6, (), (PURCHASE, ROUTING, PUBLISH))),
        knobs={"list": 10, "tags": 6},
        must=frozenset({"created"}),
    ),
    Story(
        name="refused for quota",
        core=Wishes(units=((0, 2),)),
        moments=(
            (5, happens("quota", 0.0, 2), (CAPACITY, PURCHASE)),
            (5, (), (CAPACITY, PURCHASE)),
        ),
        must=frozenset({"fleets.begin_purchase"}),
    ),
    Story(
        name="bought and failed",
        core=_BUY,
        moments=(
            (5, happens("failed"), (CAPACITY, PURCHASE)),
            (2, (), (PURCHASE, PUBLISH)),
            (5, (), (CAPACITY, RELEASE, PUBLISH)),
            (12, (), (RELEASE,)),
        ),
        must=frozenset({"created", "fleets.begin_release"}),
    ),
    Story(
        name="stuck in creation",
        core=_BUY,
        moments=((5, happens("stuck"), (CAPACITY, PURCHASE)), (61, (), (CAPACITY, PURCHASE))),
        must=frozenset({"created"}),
    ),
    Story(
        name="release",
        core=_LEAVE,
        held=(15,),
        moments=_LEAVING,
        must=frozenset({"gone", "fleets.begin_release"}),
    ),
    Story(
        name="release while lists lag",
        core=_LEAVE,
        held=(15,),
        moments=(*_LEAVING, (2, (), (CAPACITY, PURCHASE, RELEASE, PUBLISH))),
        knobs={"list": 15},
        must=frozenset({"gone"}),
    ),
    Story(
        name="called directly while it leaves",
        core=_LEAVE,
        held=(15,),
        knobs={"metrics": 3},
        moments=(
            (1, happens("direct"), (CAPACITY, RELEASE, PUBLISH)),
            (9, (), (RELEASE, PUBLISH)),
            (1, (), (RELEASE, PUBLISH)),
        ),
        must=frozenset({"fleets.begin_release"}),
    ),
    Story(
        name="tagged as another's while it leaves",
        core=_LEAVE,
        held=(15,),
        moments=(*_LEAVING[:1], (9, happens("retag"), (RELEASE, PUBLISH))),
        must=frozenset({"fleets.begin_release"}),
    ),
    Story(
        name="tagged as another's and as ours again",
        core=Wishes(units=()),
        held=(15,),
        moments=(
            (5, happens("retag"), (CAPACITY, PURCHASE)),
            (5, happens("tag_back"), (CAPACITY, PURCHASE)),
        ),
        must=frozenset({"fleets.update_purchase"}),
    ),
    Story(
        name="more leave than a day allows",
        core=_LEAVE,
        held=(15, 16),
        bounds={"max_releases_per_day": 1},
        moments=(
            (1, (), (CAPACITY, RELEASE, PUBLISH)),
            (4, (), (CAPACITY, RELEASE, PUBLISH)),
            (6, (), (RELEASE, PUBLISH)),
            (1, (), (RELEASE, PUBLISH)),
            (61, (), (CAPACITY, RELEASE, PUBLISH)),
        ),
        must=frozenset({"gone"}),
    ),
    # One is kept from leaving for so long that it holds back no other, and then both could leave.
    Story(
        name="two can leave within an hour",
        core=_LEAVE,
        held=(15, 16),
        moments=(
            (1, (), (CAPACITY, RELEASE, PUBLISH)),
            (91, (), (CAPACITY, RELEASE, PUBLISH)),
            (9, (), (RELEASE, PUBLISH)),
            (1, (), (RELEASE, PUBLISH)),
        ),
        must=frozenset({"gone"}),
    ),
    Story(
        name="two releases in turn",
        core=_leave_in_turn,
        held=(15, 16),
        moments=((1, (), (CAPACITY,)), (5, (), (CAPACITY, RELEASE, PUBLISH))),
        must=frozenset({"fleets.begin_release"}),
    ),
    Story(
        name="restore",
        core=Wishes(units=((0, 0), (5, 1))),
        held=(15,),
        moments=(
            (1, (), (CAPACITY, RELEASE, PUBLISH)),
            (4, (), (CAPACITY, RELEASE, PUBLISH)),
            (1, (), (ROUTING, PUBLISH)),
        ),
        must=frozenset({"fleets.begin_release"}),
    ),
    Story(
        name="lost by somebody's hand",
        core=Wishes(units=()),
        held=(15,),
        moments=(
            (1, happens("vanish"), (CAPACITY, PURCHASE, ROUTING, PUBLISH)),
            (5, (), (CAPACITY, PURCHASE, PUBLISH)),
        ),
        must=frozenset({"gone"}),
    ),
    Story(
        name="a stranger takes the room",
        core=Wishes(units=((0, 2),)),
        held=(15,),
        bounds={"max_units": 2},
        moments=((5, happens("foreign"), (CAPACITY, *ACTORS)), (5, (), (CAPACITY, *ACTORS))),
    ),
    Story(
        name="the switch closes and opens",
        core=_BUY,
        moments=(
            (5, happens("switch", 0.0, 0), (CAPACITY, *ACTORS)),
            (1, happens("switch", 0.0, 5), (*ACTORS,)),
            (2, (), (PURCHASE, ROUTING, PUBLISH)),
        ),
        must=frozenset({"created"}),
    ),
    Story(
        name="settings spoiled and mended",
        core=_BUY,
        moments=(
            (5, happens("poison", 0.0, 4), (CAPACITY, PURCHASE)),
            (1, happens("mend"), (CAPACITY, PURCHASE)),
            (4, (), (CAPACITY, PURCHASE, PUBLISH)),
        ),
        must=frozenset({"created"}),
    ),
    Story(
        name="commit on a person's word",
        core=Wishes(units=((0, 1),), consent_id="c0"),
        moments=_BUYING,
        consents=(_CONSENT,),
        must=frozenset({"created"}),
    ),
    Story(
        name="a term outlasts the wish",
        core=Wishes(units=((0, 1), (10, 0)), consent_id="c0"),
        moments=(
            (5, (), (CAPACITY, PURCHASE)),
            (2, (), (PURCHASE, ROUTING, PUBLISH)),
            (3, (), (CAPACITY, RELEASE, PUBLISH)),
            (18, (), (RELEASE, PUBLISH)),
        ),
        consents=(_CONSENT,),
        must=frozenset({"created"}),
    ),
    Story(
        name="two targets under one cap",
        core=_BUY,
        names=NAMES[:2],
        moments=((5, (), (CAPACITY, PURCHASE)), (5, (), (CAPACITY, PURCHASE))),
        stack=json.dumps(
            {
                "max_units": 1,
                "max_usd_per_hour": 1_000,
                "max_usd_per_day": 50_000,
                "max_usd_per_month": 100_000,
            }
        ),
        must=frozenset({"created"}),
    ),
    Story(
        name="two decisions in turn",
        core=Wishes(units=((0, 1), (6, 2))),
        bounds={"max_purchases_per_day": 1},
        moments=((5, (), (CAPACITY,)), (5, (), (CAPACITY, PURCHASE)), (2, (), (PURCHASE,))),
        must=frozenset({"created"}),
    ),
    Story(
        name="more asked than a day allows",
        core=Wishes(units=((0, 3),)),
        bounds={"max_purchases_per_day": 1},
        moments=(
            (5, (), (CAPACITY, PURCHASE)),
            (2, (), (PURCHASE,)),
            (3, (), (CAPACITY, PURCHASE)),
        ),
        must=frozenset({"created", "fleets.trip"}),
    ),
    *ENDPOINT_STORIES,
    *APPROVAL_STORIES,
)

STRUCK = frozenset(
    {
        "buy and route",
        "refused for quota",
        "bought and failed",
        "stuck in creation",
        "release",
        "tagged as another's while it leaves",
        "restore",
        "lost by somebody's hand",
        "settings spoiled and mended",
        "commit on a person's word",
        "two decisions in turn",
        "more asked than a day allows",
        "an endpoint grows and shrinks",
        "a person agrees",
    }
)
"""Those whose calls are struck by every fault in the quick run; the others in the soak."""
