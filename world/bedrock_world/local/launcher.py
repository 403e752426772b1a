"""Starts the emulator; run by the interpreter of `.tools`, which has no package of ours.

Differs from the emulator's own start in a few things. It keeps metrics of any age: the emulator
drops points two weeks older than the wall clock, but traces are replayed at their own dates. It
leaves alarms as they are: the emulator evaluates them by the wall clock and not by AWS's rules,
over all points at each put. It ends when its standard input does, so that no emulator outlives the
process that started it. And, with the same answers, it is faster where a day of thousands of ticks
would feel it: the ledger's key condition is compared instead of being parsed anew for each item of
a partition, timestamps are parsed once and not each time they are read, an invocation waits a
millisecond, not five to fifty, for log lines that may still be on their way, and an archive that is
unpacked for one worker is linked for the next: that of the layer has 60 MB.
"""

import os
import shutil
import signal
import sys
import tempfile
import threading
import zipfile
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, override

type Item = dict[str, Any]

KEY_RANGE = "#pk = :pk AND #sk BETWEEN :first AND :last"
"""The one key condition of the ledger's adapter."""

_TIMESTAMPS = 65_536


def _keep_old_metrics() -> None:
    from ministack.services import cloudwatch  # noqa: PLC0415 - only .tools has the emulator

    if not callable(getattr(cloudwatch, "_evict_old_metrics", None)):
        sys.exit("this release of the emulator evicts metrics in another way; see launcher.py")
    cloudwatch._evict_old_metrics = lambda: None  # noqa: SLF001 - no setting exists for it


def _leave_alarms_alone() -> None:
    from ministack.services import cloudwatch  # noqa: PLC0415 - only .tools has the emulator

    if not callable(getattr(cloudwatch, "_evaluate_all_alarms", None)):
        sys.exit("this release of the emulator evaluates alarms in another way; see launcher.py")
    cloudwatch._evaluate_all_alarms = lambda: None  # noqa: SLF001 - no setting exists for it


def _compare_keys() -> None:
    from ministack.services import dynamodb  # noqa: PLC0415 - only .tools has the emulator

    parsed = getattr(dynamodb, "_evaluate_condition", None)
    if not callable(parsed):
        sys.exit("this release of the emulator evaluates conditions elsewhere; see launcher.py")

    def compared(
        expression: str, item: Item, values: Item, names: dict[str, str], **slot: str
    ) -> bool:
        if expression != KEY_RANGE or (names["#pk"], names["#sk"]) != ("pk", "sk"):
            return bool(parsed(expression, item, values, names, **slot))
        # Strings compare by code point, as DynamoDB's do by UTF-8 byte: the same order.
        in_range: bool = values[":first"]["S"] <= item["sk"]["S"] <= values[":last"]["S"]
        return in_range and item["pk"] == values[":pk"]

    dynamodb._evaluate_condition = compared  # noqa: SLF001 - no setting exists for it


def _remember_timestamps() -> None:
    from ministack.services import cloudwatch  # noqa: PLC0415 - only .tools has the emulator

    for name in ("_parse_ts", "_ts_iso"):
        convert = getattr(cloudwatch, name, None)
        if not callable(convert):
            sys.exit("this release of the emulator reads timestamps elsewhere; see launcher.py")
        setattr(cloudwatch, name, lru_cache(maxsize=_TIMESTAMPS)(convert))


def _wait_less_for_logs() -> None:
    from ministack.core import lambda_runtime  # noqa: PLC0415 - only .tools has the emulator

    drain = getattr(lambda_runtime.Worker, "_drain_stderr_bounded", None)
    if drain is None or drain.__defaults__ != (0.050, 0.005, 0.250):
        sys.exit("this release of the emulator waits for logs in another way; see launcher.py")
    # Seconds to wait for a first line, for a further one, and at most.
    drain.__defaults__ = (0.005, 0.001, 0.250)


class _OnceUnpacked(zipfile.ZipFile):
    """An archive that is unpacked once; whoever wants it gets a link to the one folder."""

    _folders: dict[object, Path] = {}  # noqa: RUF012 - shared by all archives
    _lock = threading.Lock()

    @override
    def extractall(self, path: Any = None, members: Any = None, pwd: bytes | None = None) -> None:
        contents = tuple((each.filename, each.CRC) for each in self.infolist())
        with self._lock:
            if contents not in self._folders:
                folder = Path(tempfile.mkdtemp(prefix="unpacked-"))
                super().extractall(folder)
                self._folders[contents] = folder
        # The emulator has made the folder already, and nothing lies in it.
        Path(path).rmdir()
        Path(path).symlink_to(self._folders[contents])


def _unpack_once() -> None:
    from ministack.core import lambda_runtime  # noqa: PLC0415 - only .tools has the emulator

    if getattr(lambda_runtime, "zipfile", None) is not zipfile:
        sys.exit("this release of the emulator unpacks archives in another way; see launcher.py")
    lambda_runtime.zipfile = SimpleNamespace(**vars(zipfile) | {"ZipFile": _OnceUnpacked})


def _end_with_parent(orphaned: threading.Event, grace_seconds: float = 5.0) -> None:
    sys.stdin.buffer.read()
    orphaned.set()
    os.kill(os.getpid(), signal.SIGTERM)
    # Connections kept alive can hold up an orderly end.
    threading.Event().wait(grace_seconds)
    _remove_state()
    os._exit(1)


def _remove_state() -> None:
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)


def main() -> None:
    """Run the emulator until it is told to stop or its parent is gone."""
    from ministack.app import main as serve  # noqa: PLC0415 - only .tools has the emulator

    _keep_old_metrics()
    _leave_alarms_alone()
    _compare_keys()
    _remember_timestamps()
    _wait_less_for_logs()
    _unpack_once()
    orphaned = threading.Event()
    threading.Thread(target=_end_with_parent, args=(orphaned,), daemon=True).start()
    serve()
    if orphaned.is_set():
        _remove_state()


if __name__ == "__main__":
    main()
