"""A call on its way over routes, and where it goes."""

from bedrock_autoscaler.client.answers import CallError
from bedrock_autoscaler.client.patience import Budget, Patience
from bedrock_autoscaler.client.walking import RouteSet, Walk
from bedrock_autoscaler.domain.routing.route import Route
from tests.builders import pt_arn
from tests.client.stage import ManualClock

PT, FIRST, SECOND, THIRD = pt_arn(1), "model-a", "us.model-a", "global.model-a"


def walk_over(
    *routes: Route,
    clock: ManualClock | None = None,
    patience: Patience | None = None,
    known: RouteSet | None = None,
) -> Walk:
    patience = patience or Patience(rounds=1)
    return Walk(RouteSet(routes, known), patience, Budget(patience), clock or ManualClock())


def addresses_tried(walk: Walk, *errors: CallError) -> list[str]:
    """Where a call goes while each attempt ends in the next of these errors."""
    tried = []
    for error in errors:
        tried.append(walk.route.address)
        walk.failed(error)
    return [*tried, walk.route.address]
