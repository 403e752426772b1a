"""`sam build` and `sam deploy` against the emulator."""

import fcntl
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bedrock_world.layer import finish_layer
from bedrock_world.local.environment import REGION, host_architecture, sam_environment
from bedrock_world.local.errors import LocalAwsError, tail

_built: set[Path] = set()
"""Work folders that this process has built into; it builds each repository once."""


class Sam:
    """SAM CLI of `tools`, working on one repository."""

    def __init__(self, *, tools: Path, repository: Path, endpoint: str) -> None:
        """Bind to the emulator at `endpoint`; nothing is run yet."""
        self._executable = tools / "bin" / "sam"
        self._repository = repository
        self._environment = sam_environment(tools, endpoint)
        # Beside, not in, the folder of `make build`: that one may be for another processor.
        self._work = _work_of(repository)

    def build_and_deploy(self, *, stack: str, bucket: str, parameters: Mapping[str, str]) -> None:
        """Build for this machine's processor and deploy as `stack`.

        Unchanged code is taken from the cache, and what this process has built already is
        deployed as it is. Runs at the same time wait for one another, because they share the
        build folder.

        Raises:
            LocalAwsError: SAM is missing, or failed; with the end of its output.
        """
        overrides = [
            f"{name}={value}"
            for name, value in ({"Architecture": host_architecture()} | dict(parameters)).items()
        ]
        with _locked(self._work):
            if self._work not in _built:
                self._run(["build", *self._build_options(), "--parameter-overrides", *overrides])
                finish_layer(self._work / "build")
                _built.add(self._work)
            self._run(
                [
                    "deploy",
                    *("--template-file", str(self._work / "build" / "template.yaml")),
                    *("--stack-name", stack, "--s3-bucket", bucket, "--region", REGION),
                    *("--capabilities", "CAPABILITY_IAM"),
                    *("--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"),
                    *("--parameter-overrides", *overrides),
                ]
            )

    def _build_options(self) -> Sequence[str]:
        return (
            *("--cached", "--parallel"),
            *("--template-file", str(self._repository / "template.yaml")),
            *("--build-dir", str(self._work / "build")),
            *("--cache-dir", str(self._work / "cache")),
        )

    def _run(self, arguments: Sequence[str]) -> None:
        # samconfig.toml is for real deployments and has no say here.
        config = self._work / "samconfig.toml"
        config.write_text("version = 0.1\n")
        command = [str(self._executable), *arguments, "--config-file", str(config)]
        try:
            done = subprocess.run(
                command,
                cwd=self._repository,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
        except FileNotFoundError as error:
            raise LocalAwsError(f"{self._executable} does not exist; run `make tools`") from error
        if done.returncode != 0:
            raise LocalAwsError(f"`sam {arguments[0]}` failed:\n{tail(done.stdout)}")


@contextmanager
def held_build(repository: Path) -> Iterator[Path]:
    """What the last local build made, while no other run may change it.

    The folder is emptied and filled again by each build, also by one of another process, which
    waits until this one has looked. Building here meanwhile would wait for ever.
    """
    work = _work_of(repository)
    with _locked(work):
        yield work / "build"


def _work_of(repository: Path) -> Path:
    return repository / ".aws-sam" / "local"


@contextmanager
def _locked(work: Path) -> Iterator[None]:
    work.mkdir(parents=True, exist_ok=True)
    with (work / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
