"""Schedules through the handlers, the real adapters, moto, and the Bedrock world.

Faults strike the requests themselves: refused with each code of the operation, cut off before or
after the effect, or the process dies there. What volume runs cannot see shows here: the SDK's
retries, tokens, conditions, codecs, pages and lags of the adapters.
"""

import contextlib
import io
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError
from botocore.model import OperationModel
from moto.core.models import botocore_stubber

from bedrock_autoscaler.application.assembling import Application
from bedrock_autoscaler.application.errors import AutoscalerError
from bedrock_autoscaler.application.reviewing.findings import Severity
from bedrock_autoscaler.application.reviewing.inspecting import InspectionPorts, inspect
from bedrock_autoscaler.application.reviewing.verifying import verify
from bedrock_autoscaler.domain.decide import decide
from bedrock_autoscaler.domain.decision import Decision, Situation
from bedrock_autoscaler.domain.fleet.intent import PurchaseState, ReleaseState
from bedrock_autoscaler.domain.units import MINUTE, iso
from bedrock_world.inprocess import answering
from tests.functions.account import BY_WORLD, DEPLOYMENT, HANDLERS, PREFIX, Account, opened
from tests.simulation.ending import hold
from tests.simulation.faults import Killed
from tests.simulation.wire_happenings import WireWorld
from tests.simulation.wire_outcome import AMID_FAULTS, IN_CALM, WireOutcome
from tests.simulation.wire_targets import (
    BILLING_MINUTES,
    MAX_UNITS,
    NAMES,
    RELEASE_WINDOW_MINUTES,
    RememberedClients,
    WireAdapters,
    asker,
    document,
    opener,
)

type Core = Callable[[Situation], Decision]

_CREATE = "CreateProvisionedModelThroughput"
_DELETE = "DeleteProvisionedModelThroughput"
_WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "BatchWriteItem"})
_THROTTLES = {
    "dynamodb": ("ProvisionedThroughputExceededException", "ThrottlingException"),
    "ssm": ("ThrottlingException",),
    "cloudwatch": ("Throttling",),
}
_RUNS = (
    ("observe_decide", "routing", 0.2),
    ("observe_decide", "capacity", 0.6),
    ("purchase", "", 0.9),
    ("release", "", 0.9),
    ("publish", "", 0.9),
)
_SECONDS = "botocore.endpoint.time.sleep"


QUICK_TICKS, SOAK_TICKS = 8, 12
SOAK_SCHEDULES = 200
"""As many pass the handlers and adapters at length; each fifth has the deployed core."""


class Wire:
    """One account, its faults and its oracles."""

    def __init__(self, account: Account, seed: int, core: Core) -> None:
        self.outcome = WireOutcome(seed=seed)
        self.account = account
        self.core = core
        self.is_open = False
        self._clients = RememberedClients()
        self._transcript = sha256()
        self._chance = random.Random(f"wire {seed}")  # noqa: S311 - simulation
        self._rate = self._chance.choice((0.01, 0.03, 0.06))
        self._busy = False
        self._world = WireWorld(account, self._chance, self.outcome.happened)
        self._versions: dict[str, int] = {}
        self._has_written = True
        # Of the oracles alone; it reads each time.
        self._tables = self._adapters().tables
        self._answers: dict[str, Callable[..., Any]] = {
            service: answering(account.world) for service in BY_WORLD
        }
        session = boto3.DEFAULT_SESSION
        if session is None:
            raise RuntimeError("the account has no session")
        hooks: Any = session.events  # the published stub forgets that a hook may answer
        hooks.register_first("before-call", self._refuse)
        hooks.register_first("before-send", self._cut)
        for function in HANDLERS:
            self._start(function)

    def _adapters(self) -> WireAdapters:
        return WireAdapters(self.account, self._clients)

    def _start(self, function: str) -> None:
        """A new process of a function: it remembers nothing."""
        self.account.applications[function] = Application(
            self._adapters(),
            deployment=DEPLOYMENT,
            code_version="1.2.3",
            decide=self._decide,
        )

    def _decide(self, situation: Situation) -> Decision:
        """By the core of now: once faults have stopped, it is another one."""
        return self.core(situation)

    # -- faults --------------------------------------------------------------------------------

    def _draws(self) -> bool:
        return self.is_open and not self._busy and self._chance.random() < self._rate

    def _refuse(
        self, model: OperationModel, params: dict[str, Any], **_: object
    ) -> tuple[AWSResponse, dict[str, Any]] | None:
        """Answer a call with one of its codes, before any effect; watch those that change."""
        name = model.name
        self._has_written = self._has_written or name in _WRITES
        if not self._busy and name in {_CREATE, _DELETE}:
            self._watched(name, json.loads(params["body"] or "{}"), str(params["url"]))
        if not self._busy:
            self._write(name, params.get("body"))
        if not self._draws():
            return None
        service = str(model.service_model.service_name)
        codes = [str(shape.name) for shape in model.error_shapes]
        code = self._chance.choice([*codes, *_THROTTLES.get(service, ()), "AccessDeniedException"])
        self.outcome.struck[name, code] += 1
        self._write(name, code)
        error = {"Code": code, "Message": "simulated\nmarker"}
        parsed = {"Error": error, "ResponseMetadata": {"RequestId": "x", "HTTPStatusCode": 400}}
        return AWSResponse(params["url"], 400, HTTPHeaders(), None), parsed

    def _cut(self, request: AWSPreparedRequest, event_name: str, **_: object) -> None:
        """Cut the connection or the process off, before or after the effect."""
        if not self._draws():
            return
        service, operation = event_name.split(".")[1:3]
        kind = self._chance.choice(("cut before", "cut after", "killed before", "killed after"))
        self.outcome.struck[operation, kind] += 1
        self._write(operation, kind)
        if kind.endswith("after"):
            if service in self._answers:
                self._answers[service](request)
            else:
                botocore_stubber(event_name, request)
        if kind.startswith("killed"):
            raise Killed(operation)
        raise ConnectionClosedError(endpoint_url=request.url)

    def _write(self, *parts: object) -> None:
        """What happens goes into the transcript, as it happens."""
        self._transcript.update(repr((iso(self.account.now), *parts)).encode())

    # -- oracles -------------------------------------------------------------------------------

    def failed(self, oracle: str, message: str) -> None:
        """Keep a violation."""
        self.outcome.violations.append((oracle, message))

    @contextlib.contextmanager
    def _looking(self) -> Iterator[None]:
        """Calls of our own: nothing strikes them."""
        self._busy, before = True, self._busy
        try:
            yield
        finally:
            self._busy = before

    def _watched(self, name: str, body: dict[str, Any], url: str) -> None:
        """O5, O9, O12 right before a Create or a Delete goes out."""
        self.outcome.sent[name, AMID_FAULTS if self.is_open else IN_CALM] += 1
        switch = self._world.switch
        if switch != "allow":
            self.failed("O12", f"{name} although the switch is {switch!r}")
        with self._looking():
            if name == _CREATE:
                self._create(body)
            else:
                self._delete(url.rsplit("/provisioned-model-throughput/", maxsplit=1)[-1])

    def _create(self, body: dict[str, Any]) -> None:
        target = next(tag["value"] for tag in body["tags"] if tag["key"].endswith(":target"))
        intents = self._fleets().purchases(target)
        kept = [i for i in intents if i.token == body["clientRequestToken"]]
        if [i.state for i in kept] != [PurchaseState.RECORDED]:
            self.failed("O9", f"Create of {body['provisionedModelName']} on {kept}")
        if "commitmentDuration" in body:
            self.failed("O3", f"Create of {body['provisionedModelName']} under a term")

    def _delete(self, escaped: str) -> None:
        arn = escaped.replace("%3A", ":").replace("%2F", "/")
        fleets = self._fleets()
        held = [i for name in NAMES for i in fleets.purchases(name) if i.arn == arn]
        sent = {ReleaseState.DELETING, ReleaseState.DELETED}
        begun = [
            r for name in NAMES for r in fleets.releases(name) if r.arn == arn and r.state in sent
        ]
        if not held or not begun:
            self.failed("O5", f"Delete of {arn} on purchases {held} and releases {begun}")

    def _fleets(self) -> Any:
        return self.account.fleets

    def check(self) -> None:
        """O1, O4, O11 on the world as it is."""
        purchases = self.account.world.purchases
        made = Counter(pt.name.rsplit("-", 1)[0] for pt in purchases.all if _is_ours(pt.name))
        for decision, count in made.items():
            if count > 1:
                self.failed("O4", f"{decision} has made {count}")
        for name in NAMES:
            units = sum(
                pt.units
                for pt in purchases.existing(self.account.now)
                if pt.name.startswith(f"{name}-")
            )
            if units > MAX_UNITS:
                self.failed("O1", f"{name} holds {units} units")
        if self._has_written:  # else the tables are what they were
            self._check_versions()
            self._has_written = False

    def _check_versions(self) -> None:
        for name in NAMES:
            with self._looking():
                table = self._tables.current(name)
            version = table.version if table else 0
            if version < self._versions.get(name, 0):
                self.failed("O11", f"the table of {name} goes back to {version}")
            self._versions[name] = version

    # -- running -------------------------------------------------------------------------------

    def run(self, moments: int) -> WireOutcome:
        """A fleet is bought, then faults strike, then all must be well once they stop."""
        self._open()
        self.is_open = True
        for _ in range(moments):
            self._moment()
            if self.outcome.violations:
                break
        else:
            self._heal()
        self.outcome.digest = self._transcript.hexdigest()
        return self.outcome

    def _open(self) -> None:
        """Bought earlier: faults find units that serve, and their paid period runs out soon."""
        asked, self.core = self.core, opener(self.outcome.seed)
        self._fire("observe_decide", "capacity")
        self._fire("purchase", "")
        self.core = hold
        with self._looking():
            self.account.move(self._chance.choice(_OPENINGS) * MINUTE)
            self._world.serve(_OPENINGS[0])
        for function, loop in (("purchase", ""), ("observe_decide", "routing"), ("publish", "")):
            self._fire(function, loop)
        self.core = asked

    def _moment(self) -> None:
        chance = self._chance
        with self._looking():
            self.account.move(self._minutes() * MINUTE)
            self._world.happen()
        for function, loop, share in _RUNS:
            for _ in range(chance.choice((1, 1, 1, 1, 2)) if chance.random() < share else 0):
                self._fire(function, loop)
        self.outcome.ticks += 1

    def _minutes(self) -> int:
        """To the next minute: soon, or when a paid period is about to end."""
        now, step = self.account.now, self._chance.choice((1, 1, 2, 2, 3, 5))
        for pt in self.account.world.purchases.existing(now):
            paid = (now - pt.created_at) // MINUTE % BILLING_MINUTES
            left = BILLING_MINUTES - RELEASE_WINDOW_MINUTES + 1 - paid
            if step < left <= _JUMP and self._chance.random() < _JUMPED:
                return left
        return step

    def _fire(self, function: str, loop: str) -> None:
        late = timedelta(minutes=self._chance.choice(_LATE) if self.is_open else 0)
        event = {"scheduled_time": iso(self.account.now - late)} | ({"loop": loop} if loop else {})
        try:
            self.account.send(function, event)
        except Killed:
            self._start(function)
        except AutoscalerError:
            pass  # the run failed as a whole, and said why
        except Exception as error:  # noqa: BLE001 - Lambda would log its text, which is AWS's
            self.failed("O16", f"{function} lets {type(error).__name__} out: {error}"[:200])
        self.outcome.runs += 1
        self.check()

    def _heal(self) -> None:
        """Faults stop; a while later `verify` finds nothing, and every intent has its outcome."""
        self.is_open = False
        with self._looking():
            self._world.mend()
        self.core = hold
        for wait in (1, 27, 1):
            with self._looking():
                self.account.move(wait * MINUTE)
            for function, loop, _ in _RUNS:
                self._fire(function, loop)
            self.outcome.ticks += 1
        for name in NAMES:
            for intent in self._fleets().purchases(name):
                if intent.state is PurchaseState.RECORDED:
                    self.failed("L1", f"{intent.decision_id} has no outcome")
        self._verify()

    def _verify(self) -> None:
        adapters = self._adapters()
        ports = InspectionPorts(
            capacity=adapters.capacity,
            decisions=adapters.decisions,
            endpoints=adapters.endpoints,
            fleets=adapters.fleets,
            history=adapters.history,
            scalings=adapters.scalings,
            tables=adapters.tables,
            projection=adapters.tables,  # type: ignore[arg-type] # the real adapter has both
            deployment=DEPLOYMENT,
        )
        for found in verify(inspect(adapters.settings(), self.account.now, ports)):
            if found.severity is Severity.VIOLATION and found.oracle != "O14":
                self.failed(found.oracle, f"verify: {found.message}")


_JUMPED, _JUMP = 0.4, 12
_LATE = (0,) * 10 + (1, 7)
_OPENINGS = (11, 14, 17)
"""Minutes from the purchase until faults strike: it shows, with its tags, and serves by then."""


def _is_ours(name: str) -> bool:
    return "-capacity-" in name


def run_wire(seed: int, moments: int) -> WireOutcome:
    """One schedule of a seed, with everything that is printed kept off the console."""
    chance = random.Random(f"world {seed}")  # noqa: S311 - simulation
    lags = {
        "list_lag": chance.choice((0, 0, 1, 10)) * MINUTE,
        "tag_lag": chance.choice((0, 0, 5)) * MINUTE,
        "lead_time": chance.choice((0, 1, 10)) * MINUTE,
        "page_size": chance.choice((1, 2, 100)),
    }
    printed = io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patched,
        contextlib.redirect_stdout(printed),
        patch(_SECONDS, lambda _: None),
        opened(patched, **lags) as account,
    ):
        core: Core = decide if seed % 5 == 0 else asker(seed)
        account.ssm.delete_parameter(Name=f"{PREFIX}/settings/targets/chat")
        for name in NAMES:
            account.put_setting(f"settings/targets/{name}", document(name))
        wire = Wire(account, seed, core)
        outcome = wire.run(moments)
        for line in [*account.log.getvalue().splitlines(), *printed.getvalue().splitlines()]:
            _check_line(wire, line)
    return outcome


def _check_line(wire: Wire, line: str) -> None:
    """O16: whatever is written is one JSON object a line; a planted line break breaks none."""
    try:
        json.loads(line)
    except ValueError:
        wire.failed("O16", f"a line of the log is no JSON: {line[:80]!r}")
