"""A target whose model was changed: the new one is bought first, then routed, then the old leaves.

Bedrock could point a provisioned throughput of a custom model at another version; that is never
asked for, since both versions would answer for a while and no table could say which. Source:
docs/model.md, section "A new model".
"""

from dataclasses import dataclass

from bedrock_autoscaler.domain.decision import Situation
from bedrock_autoscaler.domain.fleet.holdings import Fleet, ProvisionedThroughput, Status
from bedrock_autoscaler.domain.reason import Reason, ReasonCode
from bedrock_autoscaler.domain.routing.addresses import bare_id
from bedrock_autoscaler.domain.target import Commitment, Target
from bedrock_autoscaler.domain.units import units_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Succession:
    """How far a change of model has come.

    Attributes:
        model_id: the model to buy.
        old: throughputs of other models that are to leave.
        committed_units: of other models under a term; they stay, and count as if they were new.
        staying_units: of everything but `old` that serves or soon will.
        ready_units: of everything but `old` that serves and stands in the table in force.
        size: units that served the target when the change was first seen, and were wanted since.
    """

    model_id: str
    old: tuple[ProvisionedThroughput, ...]
    committed_units: int
    staying_units: int
    ready_units: int
    size: int

    @property
    def old_units(self) -> int:
        """Units that are to leave."""
        return sum(pt.model_units for pt in self.old)

    @property
    def called_units(self) -> int:
        """Units that callers are sent to: the old ones, and what stands in the table besides."""
        return self.ready_units + sum(pt.model_units for pt in self.old if pt.is_routable)

    def missing(self, wanted: int) -> int:
        """Units still to be bought so that `wanted` remain without the old ones."""
        return wanted - self.staying_units

    def least_step(self, wanted: int) -> int:
        """The fewest further units with which any old throughput could leave.

        Fewer would be paid for beside all old ones for as long as the caps stay as they are.
        """
        smallest = min(pt.model_units for pt in self.old)
        return max(wanted - (self.staying_units + self.old_units - smallest), 1)

    def is_replaced(self, pt: ProvisionedThroughput) -> bool:
        """Whether as many units as ever would serve without this old throughput."""
        rest = sum(one.model_units for one in self.old if one.is_routable and one != pt)
        return pt in self.old and self.ready_units > 0 and self.ready_units + rest >= self.size


def superseded(fleet: Fleet, target: Target) -> tuple[ProvisionedThroughput, ...]:
    """Our throughputs that stay and are of another model than the one to buy."""
    bought = target.provisioned
    if bought is None:
        return ()
    return tuple(
        pt
        for pt in fleet.owned
        if pt.model_id != bought.model_id
        and bare_id(pt.model_id) != bare_id(bought.model_id)
        and not pt.draining
        and pt.status is not Status.FAILED
    )


def succession_of(situation: Situation) -> Succession | None:
    """The change of model that is under way; None when there is none."""
    fleet, bought = situation.fleet, situation.target.provisioned
    others = superseded(fleet, situation.target)
    if not others or bought is None:
        return None
    old = tuple(pt for pt in others if pt.commitment is Commitment.NONE)
    named = {route.address for route in situation.routes}
    ready = (pt for pt in fleet.serving if pt.is_routable and pt.arn in named and pt not in old)
    old_units = sum(pt.model_units for pt in old)
    return Succession(
        model_id=bought.model_id,
        old=old,
        committed_units=sum(pt.model_units for pt in others) - old_units,
        staying_units=fleet.staying_units - old_units,
        ready_units=sum(pt.model_units for pt in ready),
        size=situation.memory.succession or fleet.staying_units,
    )


def size_to_remember(situation: Situation, grow_to: int) -> int | None:
    """The size that the next decision holds the change of model to; None without one.

    What is bought beyond all that is held is no replacement: it is wanted besides.
    """
    succession = succession_of(situation)
    if succession is None or not succession.old:
        return None
    grows = grow_to > situation.fleet.staying_units
    return max(succession.size, grow_to) if grows else succession.size


def succession_reason(succession: Succession) -> Reason:
    """Where the change stands, in one sentence."""
    if succession.old:
        course = (
            f"{units_text(succession.old_units)} of an older model will drain once "
            f"{units_text(succession.size)} "
            f"of the new one can serve ({succession.ready_units} can)"
        )
    else:
        course = (
            f"{units_text(succession.committed_units)} of an older model will stay to the end of "
            "the term"
        )
    return Reason(
        code=ReasonCode.MODEL_CHANGED,
        message=f"the model to hold is now {succession.model_id}: {course}",
        numbers=(
            ("old_units", float(succession.old_units)),
            ("committed_units", float(succession.committed_units)),
            ("ready_units", float(succession.ready_units)),
            ("size", float(succession.size)),
        ),
    )


def held_back(succession: Succession, *, missing: int, least: int, room: int) -> Reason:
    """Why the old ones cannot be replaced now."""
    return Reason(
        code=ReasonCode.MODEL_CHANGE_HELD,
        message=f"missing: {units_text(missing)} of {succession.model_id}, at least {least} of "
        f"them for an old throughput to leave, and {room} may be bought now: the old ones go on "
        "serving",
        numbers=(
            ("missing_units", float(missing)),
            ("least_units", float(least)),
            ("room_units", float(room)),
        ),
    )


def still_old(pt: ProvisionedThroughput, succession: Succession) -> Reason:
    """Why a throughput of the new model is not released yet."""
    return Reason(
        code=ReasonCode.MODEL_CHANGED,
        message=f"{pt.arn} is not released yet: {units_text(succession.old_units)} of an older "
        "model must leave first",
        numbers=(("old_units", float(succession.old_units)),),
    )
