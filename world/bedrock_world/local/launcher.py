"""Starts the emulator; run by the interpreter of `.tools`, which has no package of ours.

Differs from the emulator's own start in two things. It keeps metrics of any age: the emulator
drops points two weeks older than the wall clock, but traces are replayed at their own dates. And
it ends when its standard input does, so that no emulator outlives the process that started it.
"""

import os
import shutil
import signal
import sys
import threading


def _keep_old_metrics() -> None:
    from ministack.services import cloudwatch  # noqa: PLC0415 - only .tools has the emulator

    if not callable(getattr(cloudwatch, "_evict_old_metrics", None)):
        sys.exit("this release of the emulator evicts metrics in another way; see launcher.py")
    cloudwatch._evict_old_metrics = lambda: None  # noqa: SLF001 - no setting exists for it


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
    orphaned = threading.Event()
    threading.Thread(target=_end_with_parent, args=(orphaned,), daemon=True).start()
    serve()
    if orphaned.is_set():
        _remove_state()


if __name__ == "__main__":
    main()
