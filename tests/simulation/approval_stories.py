"""Stories of purchases that need a person's word: given, used once, refused, too late."""

from dataclasses import dataclass, replace

from bedrock_autoscaler.domain.consents.consenting import consented
from bedrock_autoscaler.domain.decision import Decision, Purchase, Situation
from tests.simulation.schedule import Firing, Happening
from tests.simulation.settings import NAMES, START
from tests.simulation.story import CAPACITY, PUBLISH, PURCHASE, Story, Wishes, happens

_REQUEST = f"{NAMES[0]}-1-units-{START:%Y%m%d}"
_LIMIT = {"controls": {"approval_above_usd_per_hour": 10}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A core that asks a person for what it wants, as the deployed one does.

    Attributes:
        insists: it wants to buy meanwhile, and always on the word that answers the first request.
    """

    wishes: Wishes
    insists: bool = False

    def __call__(self, situation: Situation) -> Decision:
        """What was agreed to; a request for the rest."""
        wanted = self.wishes(situation)
        decision = consented(wanted, situation)
        if not self.insists:
            return decision
        actions = tuple(
            replace(action, consent_id=_REQUEST) if isinstance(action, Purchase) else action
            for action in wanted.actions
        )
        return replace(decision, actions=actions)


_ONE, _TWO = Wishes(units=((0, 1),)), Wishes(units=((0, 1), (13, 2)))
_ASKED = (5, (), (CAPACITY, PURCHASE))


def _told(
    name: str,
    core: Asking,
    moments: tuple[tuple[int, tuple[Happening, ...], tuple[Firing, ...]], ...],
    *,
    buys: bool,
    struck: frozenset[str] = frozenset(),
) -> Story:
    created = frozenset({"created"})
    return Story(
        name=name,
        core=core,
        moments=moments,
        sections=_LIMIT,
        asks=True,
        must=created if buys else frozenset(),
        never=frozenset() if buys else created,
        struck=struck,
    )


APPROVAL_STORIES: tuple[Story, ...] = (
    _told(
        "a person agrees",
        Asking(wishes=_ONE),
        (_ASKED, (5, happens("approve"), (CAPACITY, PURCHASE)), (2, (), (PURCHASE, PUBLISH))),
        buys=True,
        struck=frozenset({"approvals"}),
    ),
    _told(
        "a person's word is used once",
        Asking(wishes=_TWO, insists=True),
        (
            _ASKED,
            (5, happens("approve"), (CAPACITY, PURCHASE, PURCHASE)),
            (5, happens("approve"), (CAPACITY, PURCHASE)),
            (2, (), (PURCHASE,)),
        ),
        buys=True,
    ),
    _told(
        "a person refuses",
        Asking(wishes=_ONE, insists=True),
        (
            _ASKED,
            (5, happens("reject") + happens("approve"), (CAPACITY, PURCHASE)),
            (5, happens("reject") + happens("approve"), (CAPACITY, PURCHASE)),
        ),
        buys=False,
    ),
    _told(
        "a person's word is taken back",
        Asking(wishes=_ONE),
        (_ASKED, (5, happens("approve"), (CAPACITY,)), (2, happens("reject"), (PURCHASE,))),
        buys=False,
    ),
    _told(
        "a person's word has ended",
        Asking(wishes=_ONE, insists=True),
        (_ASKED, (1, happens("approve", value=3), ()), (4, (), (CAPACITY, PURCHASE))),
        buys=False,
    ),
)
