"""The published table as a caller keeps it: read in the background, never forgotten."""

import logging
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from bedrock_autoscaler.client.answers import code_of
from bedrock_autoscaler.client.document import parse_routing_table
from bedrock_autoscaler.domain.routing.table import RoutingTable

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

DEFAULT_PREFIX = "/bedrock-autoscaler"
TABLE_CONFIG = Config(
    connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 2, "mode": "standard"}
)
"""For clients that read the table: a look that hangs is given up after some seconds."""
_LONGEST_LOOK_SECONDS = 60.0
_WITHOUT_TABLE_SECONDS = 5.0
_LONGEST_WAIT_SECONDS = 300.0
_LONGEST_HINT_SECONDS = 3_600
"""The longest that settings allow: a senseless hint must not be the last table ever followed."""

logger = logging.getLogger(__name__)


class TableSource(Protocol):
    """Where the text of a routing table comes from."""

    def read(self) -> str:
        """The text as it is now.

        Raises:
            OSError, BotoCoreError, ClientError: it cannot be had.
        """


class SsmTable:
    """The parameter `<prefix>/routes/<target>`; needs `ssm:GetParameter` on it.

    The client should have short time-outs and few retries: the thread that reads is in nobody's
    way, but a first call waits for it.
    """

    def __init__(self, client: "SSMClient", target: str, prefix: str = DEFAULT_PREFIX) -> None:
        self._client = client
        self._name = f"{prefix}/routes/{target}"

    def read(self) -> str:
        """The parameter's value.

        Raises:
            BotoCoreError, ClientError: as boto3 does.
        """
        return self._client.get_parameter(Name=self._name)["Parameter"]["Value"]


class FileTable:
    """A file that something else keeps up to date, such as a sidecar or a mounted volume."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> str:
        """The file's text.

        Raises:
            OSError: it cannot be read.
        """
        try:
            return self._path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise OSError("the file is no UTF-8 text") from error


def start_thread(work: Callable[[], object]) -> None:
    """Run something in a thread of its own that does not keep the process alive."""
    threading.Thread(target=work, name="routing-table", daemon=True).start()


class FollowedTable:
    """The newest valid table of one target; safe to share between threads.

    A table that cannot be read, is malformed, belongs to another target or is older than the one
    in force is refused with one warning, and the one in force stays for any length of time.

    Args:
        first_wait_seconds: how long the very first call may wait for a table.
        clock: monotonic seconds.
        start: runs a look in the background.
    """

    def __init__(
        self,
        source: TableSource,
        target: str,
        *,
        first_wait_seconds: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        start: Callable[[Callable[[], object]], None] = start_thread,
    ) -> None:
        self._source = source
        self._target = target
        self._first_wait_seconds = first_wait_seconds
        self._clock = clock
        self._start = start
        self._lock = threading.Lock()
        self._looked = threading.Event()
        self._table: RoutingTable | None = None
        self._due = float("-inf")
        self._failures = 0
        self._problem = ""

    @property
    def has_looked(self) -> bool:
        """Whether `current` answers without waiting."""
        return self._looked.is_set()

    def current(self) -> RoutingTable | None:
        """The table in force; None before the first. Starts a look when one is due."""
        if self._clock() >= self._due and self._claim():
            self._begin_look()
        if not self._looked.is_set():
            self._looked.wait(self._first_wait_seconds)
            # Only the first calls wait; without a table all go where the caller says.
            self._looked.set()
        return self._table

    def look(self) -> RoutingTable | None:
        """Read the source now and wait for it; the table in force afterwards."""
        try:
            problem = self._take(self._source.read())
        except (ClientError, BotoCoreError) as error:
            problem = f"could not be read: {code_of(error)}"
        except OSError as error:
            problem = f"could not be read: {error}"
        except Exception as error:  # noqa: BLE001 - any bad answer leaves the table in force
            problem = f"could not be read: {type(error).__name__}"
        with self._lock:
            self._failures = self._failures + 1 if problem else 0
            self._due = self._clock() + self._seconds_to_next()
        self._report(problem)
        self._looked.set()
        return self._table

    def _begin_look(self) -> None:
        """Start a look, if there is a thread to be had; a call is worth more than a newer table."""
        try:
            self._start(self.look)
        except RuntimeError:  # too many threads, or the interpreter is about to end
            self._report("could not be read: no thread could be started")
            self._looked.set()

    def _claim(self) -> bool:
        """Whether this thread is the one to look; the claim ends by itself should it die."""
        with self._lock:
            now = self._clock()
            if now < self._due:
                return False
            self._due = now + _LONGEST_LOOK_SECONDS
            return True

    def _take(self, text: str) -> str:
        """Put a table in force; what is wrong with it, or nothing."""
        try:
            table = parse_routing_table(text)
        except ValueError as error:
            # The report names the table itself.
            return f"is refused: {str(error).partition(': ')[2]}"
        if table.target != self._target:
            return f"is for target {table.target}"
        with self._lock:
            if self._table is not None and table.version < self._table.version:
                return f"has version {table.version}, older than {self._table.version}"
            self._table = table
        return ""

    def _seconds_to_next(self) -> float:
        """The table's hint; after failures longer, up to five minutes. Callers spread out.

        Without a table the first look is repeated soon, in case one failure was all.
        """
        hint = _WITHOUT_TABLE_SECONDS
        if self._table is not None:
            hint = float(min(self._table.refresh_seconds, _LONGEST_HINT_SECONDS))
        longest = max(hint, _LONGEST_WAIT_SECONDS)
        seconds = min(longest, hint * 2.0 ** min(self._failures, 8))
        return seconds * random.uniform(0.8, 1.2)  # noqa: S311 - no secret

    def _report(self, problem: str) -> None:
        """Warn once of a problem, and say when it is over."""
        if problem == self._problem:
            return
        self._problem = problem
        version = self._table.version if self._table else "none"
        if problem:
            logger.warning(
                "routing table of %s %s; version in force: %s", self._target, problem, version
            )
        else:
            logger.info("routing table of %s is well; version %s", self._target, version)
