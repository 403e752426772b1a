"""What helps at three in the morning: for each alarm its name in words, and the commands to run.

A test runs each command's words through the command line, so that none is told that there is not.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What a person is told beside an alarm's own sentence.

    Attributes:
        title: what is wrong, in a few words.
        commands: to look and to act, the first one first; `{target}` and `{stack}` are filled in.
    """

    title: str
    commands: tuple[str, ...]


_VERIFY = "verify --stack {stack}"
_EXPLAIN = "decisions list --stack {stack} --target {target} --last 5"
_PAUSE_GROWTH = "pause {target} --direction grow --stack {stack}"
_PAUSE_SHRINK = "pause {target} --direction shrink --stack {stack}"
_STOP = "stop --stack {stack}"
_VALIDATE = "settings validate --stack {stack}"
_SHOW = "settings show {target} --stack {stack}"
_HISTORY = "settings history {target} --stack {stack}"
_RESET = "reset-breaker --target {target} --stack {stack}"
_REQUESTS = "requests --stack {stack}"

REMEDIES: Mapping[str, Remedy] = {
    "agenda_unread": Remedy(
        title="nobody knows which target is due: each is visited every five minutes",
        commands=(_VERIFY,),
    ),
    "assignments_unsent": Remedy(
        title="some due targets were not handed to the workers; they are due again",
        commands=(_VERIFY,),
    ),
    "place_unreachable": Remedy(
        title="an account and Region cannot be reached; its targets hold", commands=(_VERIFY,)
    ),
    "policy_unread": Remedy(
        title="a target's settings are not kept in the ledger; it holds", commands=(_VERIFY,)
    ),
    "breaker_tripped": Remedy(
        title="the breaker tripped: nothing is bought or released",
        commands=(_EXPLAIN, _VERIFY, _RESET),
    ),
    "consents_unread": Remedy(title="consents cannot be read", commands=(_REQUESTS,)),
    "heartbeat_failed": Remedy(
        title="the heartbeat cannot be written; nothing is released", commands=(_VERIFY,)
    ),
    "history_unread": Remedy(title="kept history cannot be read", commands=(_VERIFY,)),
    "idle_units": Remedy(
        title="paid units serve nobody", commands=(_EXPLAIN, _PAUSE_GROWTH, _VERIFY)
    ),
    "idle_while_overflowing": Remedy(
        title="paid units are idle while calls are paid for on demand",
        commands=("routes show {target}", _EXPLAIN, _PAUSE_GROWTH),
    ),
    "inventory_unread": Remedy(
        title="the list of throughputs cannot be read; nothing is released", commands=(_VERIFY,)
    ),
    "ledger_incomplete": Remedy(
        title="a throughput carries our tag, but the ledger does not know it",
        commands=(_VERIFY, "adopt ARN --target {target} --by YOU --stack {stack}"),
    ),
    "loop_late": Remedy(
        title="ticks come late: they are recorded, and nothing follows from them",
        commands=(_EXPLAIN, _VERIFY),
    ),
    "metrics_incomplete": Remedy(
        title="half an hour of metrics has gaps; nothing is released", commands=(_EXPLAIN,)
    ),
    "metrics_unread": Remedy(
        title="metrics cannot be read; nothing is released", commands=(_EXPLAIN,)
    ),
    "orphaned_pt": Remedy(
        title="a throughput of ours belongs to no target in force",
        commands=(_VERIFY, _VALIDATE, _HISTORY),
    ),
    "price_doubted": Remedy(
        title="a price is not certain, and what depends on it is blocked",
        commands=("prices list --stack {stack}", "prices diff --stack {stack}"),
    ),
    "price_stale": Remedy(
        title="a price is too old to spend money on", commands=(_SHOW, _VALIDATE)
    ),
    "projection_newer": Remedy(
        title="callers read a newer table than the authority's",
        commands=(_VERIFY, "routes show {target}"),
    ),
    "pt_failed": Remedy(
        title="a throughput failed to come into service", commands=(_VERIFY, _PAUSE_GROWTH)
    ),
    "pt_lost": Remedy(
        title="a throughput is gone, and not by us", commands=(_VERIFY, _PAUSE_GROWTH)
    ),
    "pt_stuck": Remedy(
        title="a throughput has been in creation for an hour", commands=(_VERIFY, _PAUSE_GROWTH)
    ),
    "purchase_abandoned": Remedy(
        title="a purchase without an answer is given up", commands=(_VERIFY, _PAUSE_GROWTH)
    ),
    "purchase_late": Remedy(
        title="a purchase turned up after it was given up", commands=(_VERIFY, _PAUSE_GROWTH)
    ),
    "purchase_refused": Remedy(title="Bedrock refused a purchase", commands=(_EXPLAIN, _SHOW)),
    "purchase_unresolved": Remedy(
        title="a purchase has no answer and cannot be looked up",
        commands=(_VERIFY, _PAUSE_GROWTH),
    ),
    "purchase_unwatched": Remedy(
        title="a throughput that was bought cannot be looked up",
        commands=(_VERIFY, _PAUSE_GROWTH),
    ),
    "release_committed": Remedy(
        title="a release met a term that forbids it", commands=(_VERIFY, _PAUSE_SHRINK)
    ),
    "release_foreign": Remedy(
        title="a release met a throughput that is not ours", commands=(_STOP, _VERIFY)
    ),
    "request_unrecorded": Remedy(
        title="a request to you could not be kept", commands=(_REQUESTS, _EXPLAIN)
    ),
    "scaling_failed": Remedy(
        title="the instances of an endpoint could not be changed",
        commands=(_EXPLAIN, _PAUSE_GROWTH, _STOP),
    ),
    "settings_rejected": Remedy(
        title="settings are invalid; the last valid ones stay in force",
        commands=(_VALIDATE, _HISTORY, "settings rollback {target} --stack {stack}"),
    ),
    "spend_at_cap": Remedy(
        title="a target has used up a cap on spend", commands=(_EXPLAIN, _SHOW, _PAUSE_GROWTH)
    ),
    "spend_near_cap": Remedy(
        title="a target has used four fifths of a cap on spend",
        commands=(_EXPLAIN, _SHOW, _PAUSE_GROWTH),
    ),
    "stack_at_cap": Remedy(
        title="all targets together have used up a cap", commands=(_VERIFY, _STOP)
    ),
    "stack_near_cap": Remedy(
        title="all targets together have used four fifths of a cap", commands=(_VERIFY, _STOP)
    ),
    "switch_unread": Remedy(
        title="the switch cannot be read, so that nothing may act",
        commands=("start --stack {stack}",),
    ),
    "table_kept": Remedy(
        title="a routing table could not be published; callers keep the one in force",
        commands=("routes show {target}", _VERIFY),
    ),
    "target_failed": Remedy(
        title="the pass of a target failed", commands=(_EXPLAIN, _VALIDATE, _VERIFY)
    ),
    "telling_failed": Remedy(title="messages could not be sent", commands=(_VERIFY,)),
    "term_ending": Remedy(
        title="a commitment is about to renew",
        commands=(_VERIFY, _EXPLAIN),
    ),
    "unmanaged_pt": Remedy(
        title="a throughput that is not ours counts against the caps", commands=(_VERIFY,)
    ),
    "unobserved": Remedy(
        title="a target could not be observed, and holds", commands=(_EXPLAIN, _VERIFY)
    ),
}
"""By the alarm's name in the metric `Alarms`."""

_OTHER = Remedy(title="something needs a person", commands=(_VERIFY,))
_NO_TARGET = "TARGET"


def remedy_of(alarm: str) -> Remedy:
    """What helps; a general look where nothing is known of the alarm."""
    return REMEDIES.get(alarm, _OTHER)


def commands_of(remedy: Remedy, target: str, stack: str) -> tuple[str, ...]:
    """Whole lines for a shell."""
    return tuple(
        f"bedrock-autoscaler {command.format(target=target or _NO_TARGET, stack=stack)}"
        for command in remedy.commands
    )
