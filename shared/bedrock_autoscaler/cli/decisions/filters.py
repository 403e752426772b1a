"""The filters of the commands that read decisions, defined once and given to each of them."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

from bedrock_autoscaler.cli.decisions.choosing import (
    ChangesOption,
    Criteria,
    KindOption,
    LoopOption,
    MinUsdOption,
    ReasonOption,
    SinceOption,
    TargetOption,
    UntilOption,
    VerdictOption,
)


def _criteria(
    *,
    target: TargetOption = None,
    loop: LoopOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    verdict: VerdictOption = None,
    kind: KindOption = None,
    reason: ReasonOption = None,
    min_usd: MinUsdOption = None,
    changes: ChangesOption = False,
) -> Criteria:
    """The options as a command gets them; their order is that of the help."""
    return Criteria(
        target=target,
        loop=loop,
        since=since,
        until=until,
        verdict=verdict,
        kind=kind,
        reasons=tuple(reason or ()),
        min_usd=min_usd,
        changes=changes,
    )


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for each filter in place of its parameter `criteria`."""
    options = inspect.signature(_criteria).parameters
    own = inspect.signature(command)

    @wraps(command)
    def run(**given: Any) -> None:  # noqa: ANN401 - as typer read them by the signature below
        filters = {name: given.pop(name) for name in options}
        command(criteria=_criteria(**filters), **given)

    parameters: list[inspect.Parameter] = []
    for parameter in own.parameters.values():
        parameters += options.values() if parameter.name == "criteria" else [parameter]
    del run.__wrapped__
    run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined] # inspect looks here
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    return run
