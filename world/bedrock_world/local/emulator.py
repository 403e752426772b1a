"""The emulator process: started on a free loopback port, waited for, stopped and cleaned up."""

import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from bedrock_world.local.environment import LOOPBACK, emulator_environment
from bedrock_world.local.errors import LocalAwsError, tail

_START_LIMIT = timedelta(seconds=60)
_POLL = timedelta(milliseconds=20)
_LAUNCHER = Path(__file__).with_name("launcher.py")
# Loopback is reached directly, whatever proxy the environment names.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Emulator:
    """One emulator process with a private state folder, as a context manager."""

    def __init__(
        self,
        *,
        tools: Path,
        world_url: str,
        enforce_iam: bool = False,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare, without starting.

        Args:
            tools: the environment that holds the emulator (`make tools`).
            world_url: where functions find Bedrock and its quotas.
            enforce_iam: whether the roles of functions bind. Tight policies that AWS accepts are
                refused here, so this is off unless a test is about permissions.
            variables: more of the environment that every function has, for tests of faults.
        """
        self._tools = tools
        self._world_url = world_url
        self._enforce_iam = enforce_iam
        self._variables = variables or {}
        self._state: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self.endpoint = ""

    def __enter__(self) -> Self:
        """Start it and wait until it answers.

        Raises:
            LocalAwsError: it is not installed, ended at once or did not answer in time.
        """
        python = self._tools / "bin" / "python"
        if not python.exists():
            raise LocalAwsError(f"{python} does not exist; run `make tools` first")
        self._state = tempfile.TemporaryDirectory(
            prefix="bedrock-autoscaler-", ignore_cleanup_errors=True
        )
        try:
            self._process = self._start(python, Path(self._state.name))
            self._wait_until_healthy(self._process)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it with all its workers and remove its state."""
        self._stop()

    def output(self) -> str:
        """The last lines that the emulator has printed."""
        return tail(self._log.read_text(errors="replace")) if self._state else tail("")

    @property
    def _log(self) -> Path:
        return Path(self._state.name if self._state else os.devnull) / "emulator.log"

    def _start(self, python: Path, state: Path) -> subprocess.Popen[bytes]:
        port = _free_port()
        self.endpoint = f"http://{LOOPBACK}:{port}"
        environment = emulator_environment(
            self._tools,
            port=port,
            state=state,
            world_url=self._world_url,
            enforce_iam=self._enforce_iam,
            variables=self._variables,
        )
        with self._log.open("wb") as log:
            return subprocess.Popen(
                [python, _LAUNCHER],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A group of its own: an interrupt at the terminal reaches us first, and the
                # workers can be ended together.
                start_new_session=True,
            )

    def _wait_until_healthy(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_LIMIT.total_seconds()
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise LocalAwsError(f"the AWS emulator ended at its start:\n{self.output()}")
            try:
                with _opener.open(f"{self.endpoint}/_ministack/health", timeout=2):
                    return
            except OSError:  # URLError is one; so are refusals and time-outs
                time.sleep(_POLL.total_seconds())
        limit = _START_LIMIT.total_seconds()
        raise LocalAwsError(f"the AWS emulator did not answer in {limit:.0f} s:\n{self.output()}")

    def _stop(self) -> None:
        if self._process is not None:
            # At once and with all its workers: nothing of its state is kept, so an orderly end,
            # which takes a second and more, would be for nothing.
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.communicate()
            self._process = None
        if self._state is not None:
            self._state.cleanup()
            self._state = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
