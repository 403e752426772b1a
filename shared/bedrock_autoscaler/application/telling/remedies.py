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
_SHOW_STACK = "settings show stack --stack {stack}"
_HISTORY = "settings history {target} --stack {stack}"
_RESET = "reset-breaker --target {target} --stack {stack}"
_REQUESTS = "requests --stack {stack}"
_ROUTES = "routes show {target} --stack {stack}"


def _by(title: str, *commands: str) -> Remedy:
    return Remedy(title=title, commands=commands)


REMEDIES: Mapping[str, Remedy] = {
    "agenda_unread": _by(
        "nobody knows which target is due: each is visited every five minutes", _VERIFY
    ),
    "assignments_unsent": _by(
        "some due targets were not handed to the workers; they are due again", _VERIFY
    ),
    "place_unreachable": _by("an account and Region cannot be reached; its targets hold", _VERIFY),
    "policy_unread": _by("a target's settings are not kept in the ledger; it holds", _VERIFY),
    "breaker_tripped": _by(
        "the breaker tripped: nothing is bought or released", _EXPLAIN, _VERIFY, _RESET
    ),
    "consents_unread": _by("consents cannot be read", _REQUESTS),
    "heartbeat_failed": _by("the heartbeat cannot be written; nothing is released", _VERIFY),
    "history_unread": _by("kept history cannot be read", _VERIFY),
    "idle_units": _by("paid units serve nobody", _EXPLAIN, _PAUSE_GROWTH, _VERIFY),
    "idle_while_overflowing": _by(
        "paid units are idle while calls are paid for on demand", _ROUTES, _EXPLAIN, _PAUSE_GROWTH
    ),
    "inventory_unread": _by("the list of throughputs cannot be read; nothing is released", _VERIFY),
    "ledger_incomplete": _by(
        "a throughput carries our tag, but the ledger does not know it",
        _VERIFY,
        "adopt ARN --target {target} --by YOU --stack {stack}",
    ),
    "loop_late": _by(
        "ticks come late: they are recorded, and nothing follows from them", _EXPLAIN, _VERIFY
    ),
    "metrics_incomplete": _by("half an hour of metrics has gaps; nothing is released", _EXPLAIN),
    "metrics_unread": _by("metrics cannot be read; nothing is released", _EXPLAIN),
    "orphaned_pt": _by(
        "a throughput of ours belongs to no target in force", _VERIFY, _VALIDATE, _HISTORY
    ),
    "price_doubted": _by(
        "a price is not certain, and what depends on it is blocked",
        "prices list --stack {stack}",
        "prices diff --stack {stack}",
    ),
    "price_stale": _by("a price is too old to spend money on", _SHOW, _VALIDATE),
    "projection_newer": _by("callers read a newer table than the authority's", _VERIFY, _ROUTES),
    "pt_failed": _by("a throughput failed to come into service", _VERIFY, _PAUSE_GROWTH),
    "pt_lost": _by("a throughput is gone, and not by us", _VERIFY, _PAUSE_GROWTH),
    "pt_stuck": _by("a throughput has been in creation for an hour", _VERIFY, _PAUSE_GROWTH),
    "purchase_abandoned": _by("a purchase without an answer is given up", _VERIFY, _PAUSE_GROWTH),
    "purchase_late": _by("a purchase turned up after it was given up", _VERIFY, _PAUSE_GROWTH),
    "purchase_refused": _by("Bedrock refused a purchase", _EXPLAIN, _SHOW),
    "purchase_unresolved": _by(
        "a purchase has no answer and cannot be looked up", _VERIFY, _PAUSE_GROWTH
    ),
    "purchase_unwatched": _by(
        "a throughput that was bought cannot be looked up", _VERIFY, _PAUSE_GROWTH
    ),
    "release_committed": _by("a release met a term that forbids it", _VERIFY, _PAUSE_SHRINK),
    "release_foreign": _by("a release met a throughput that is not ours", _STOP, _VERIFY),
    "release_unresolved": _by(
        "a Delete had no effect; what it was to end is still billed", _EXPLAIN, _VERIFY
    ),
    "request_unrecorded": _by("a request to you could not be kept", _REQUESTS, _EXPLAIN),
    "scaling_failed": _by(
        "the instances of an endpoint could not be changed", _VERIFY, _EXPLAIN, _PAUSE_GROWTH, _STOP
    ),
    "settings_rejected": _by(
        "settings are invalid or absent; what was valid last stays in force",
        _VALIDATE,
        _HISTORY,
        "settings rollback {target} --stack {stack}",
    ),
    "spend_at_cap": _by("a target has used up a cap on spend", _EXPLAIN, _SHOW, _PAUSE_GROWTH),
    "spend_near_cap": _by(
        "a target has used four fifths of a cap on spend", _EXPLAIN, _SHOW, _PAUSE_GROWTH
    ),
    "stack_at_cap": _by("all targets together have used up a cap", _VERIFY, _SHOW_STACK, _STOP),
    "stack_near_cap": _by(
        "all targets together have used four fifths of a cap", _VERIFY, _SHOW_STACK, _STOP
    ),
    "switch_unread": _by(
        "the switch cannot be read, so that nothing may act", "start --stack {stack}"
    ),
    "table_kept": _by(
        "a routing table could not be published; callers keep the one in force", _ROUTES, _VERIFY
    ),
    "target_failed": _by("the pass of a target failed", _EXPLAIN, _VALIDATE, _VERIFY),
    "telling_failed": _by("messages could not be sent", _VERIFY),
    "term_ending": _by(
        "a commitment is about to renew", "commitments {target} --stack {stack}", _EXPLAIN
    ),
    "unmanaged_pt": _by("a throughput that is not ours counts against the caps", _VERIFY),
    "unobserved": _by("a target could not be observed, and holds", _EXPLAIN, _VERIFY),
}
"""By the alarm's name in the metric `Alarms`."""

_OTHER = _by("something needs a person", _VERIFY)
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
