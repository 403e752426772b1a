"""Prints what importing each handler costs beside a bare one; exits 1 above 1.3 times.

    make build && python -m benchmarks.cold_start [ROUNDS, default 15] [--save]

Every function of the repository is measured. Every run is a process of its own that has the built
layer, the packages of the Lambda runtime and nothing else on its path. The bare handler imports
boto3, Powertools and pydantic. Handlers take turns, so that a change of the machine's load touches
all alike, and times are CPU time, which a neighbour does not stretch. `import` ends where `app` is
imported; `ready` where every module and every SDK client of the first tick is loaded too, which the
bare handler does for the same clients. `--save` writes benchmarks/results/cold_start.txt.
"""

import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from bedrock_world.layer import LAYER
from benchmarks.surroundings import commit, machine, python

LIMIT = 1.3
ROUNDS = 15

ROOT = Path(__file__).resolve().parents[1]
RESULT = ROOT / "benchmarks" / "results" / "cold_start.txt"
RUNTIME = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py", "urllib3")
"""What the Lambda runtime has of itself, taken from the environment of development."""

_SAVE = "--save"
_BARE = "import boto3, aws_lambda_powertools; from pydantic import BaseModel"
_ARN = "arn:aws:lambda:us-east-1:111122223333:function:measured"
_ENVIRONMENT = {
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "measured",
    "AWS_SECRET_ACCESS_KEY": "measured",
    "AWS_EC2_METADATA_DISABLED": "true",
    "LEDGER_TABLE": "ledger",
    "ROUTES_TABLE": "routes",
    "CONSENTS_TABLE": "consents",
    "CAPACITY_MINUTES": "15",
    "SETTINGS_PREFIX": "/bedrock-autoscaler",
    "DEPLOYMENT": "measured",
    "CLOCK_ENDPOINT": "",
    "ALERT_TOPIC_ARN": "",
    "LOG_LEVEL": "INFO",
    "WORK_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/111122223333/measured-work.fifo",
    "OPENBLAS_NUM_THREADS": "1",  # as in template.yaml
}
_SCRIPT = """
import sys
sys.path[:0] = {path!r}
from time import process_time_ns
begun = process_time_ns()
{load}
imported = process_time_ns()
has_numpy = "numpy" in sys.modules
{prepare}
ready = process_time_ns()
print([imported - begun, ready - begun, has_numpy])
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """What is measured.

    Attributes:
        name: folder of the function; empty for the bare handler.
        ports: the attribute of the application that puts this function's ports together.
        modules: what its first tick loads beside them.
        services: SDK clients of its first tick.
        application: of bootstrap, that has the ports.
    """

    name: str
    ports: str
    modules: tuple[str, ...]
    services: tuple[str, ...]
    application: str = "application"


_DECISIONS = "bedrock_autoscaler.adapters.storage.codec"
HANDLERS = (
    Handler(
        name="observe_decide",
        ports="deciding",
        modules=(_DECISIONS,),
        services=("ssm", "dynamodb", "cloudwatch", "bedrock", "service-quotas"),
    ),
    Handler(
        name="purchase",
        ports="_purchase",
        modules=(_DECISIONS, "bedrock_autoscaler.application.purchasing.purchase"),
        services=("ssm", "dynamodb", "bedrock", "service-quotas"),
    ),
    Handler(
        name="release",
        ports="_release",
        modules=(_DECISIONS, "bedrock_autoscaler.application.releasing.release"),
        services=("ssm", "dynamodb", "bedrock", "cloudwatch"),
    ),
    Handler(
        name="publish",
        ports="_publish",
        modules=(_DECISIONS,),
        services=("ssm", "dynamodb", "bedrock", "service-quotas"),
    ),
    Handler(
        name="dispatch",
        ports="_dispatching",
        modules=("bedrock_autoscaler.adapters.cloudwatch.metrics",),
        services=("ssm", "dynamodb", "cloudwatch", "sqs"),
        application="fleet",
    ),
    Handler(
        name="refresh_prices",
        ports="_adapters.pricing",
        modules=("bedrock_autoscaler.application.pricing",),
        services=("dynamodb", "pricing"),
    ),
    Handler(
        name="scale_endpoint",
        ports="_scale",
        modules=(_DECISIONS, "bedrock_autoscaler.application.scaling.scale"),
        services=("ssm", "dynamodb", "bedrock"),
    ),
    Handler(
        name="visit",
        ports="_application.deciding",
        modules=(_DECISIONS, "bedrock_autoscaler.application.fleets.visiting"),
        services=("dynamodb", "cloudwatch", "bedrock", "service-quotas"),
        application="fleet",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """CPU milliseconds from the start of the interpreter's own work to the two points."""

    imported: float
    ready: float
    has_numpy: bool


def main() -> int:
    """Print a line for each handler; 1 when an import is above the limit."""
    arguments = [argument for argument in sys.argv[1:] if argument != _SAVE]
    rounds = int(arguments[0]) if arguments else ROUNDS
    if unmeasured():
        sys.exit(f"functions that are not measured: {', '.join(sorted(unmeasured()))}")
    layer = _layer()
    measured: dict[str, list[tuple[Run, Run]]] = {handler.name: [] for handler in HANDLERS}
    with _runtime() as runtime:
        for turn in range(rounds + 1):
            for handler in HANDLERS:
                pair = (
                    _run(_bare(handler), [layer, runtime]),
                    _run(_ours(handler), [ROOT / "functions" / handler.name, layer, runtime]),
                )
                # The first turn fills the caches of the disk.
                if turn:
                    measured[handler.name].append(pair)
    lines = [
        f"make build && python -m benchmarks.cold_start {rounds}",
        f"{machine()}; {python()}; commit {commit()}",
        _HEADER,
    ]
    lines += [_line(name, pairs) for name, pairs in measured.items()]
    worst = max(
        _ratio([(bare.imported, ours.imported) for bare, ours in pairs])
        for pairs in measured.values()
    )
    lines.append(
        f"limit: import {LIMIT} times the bare handler: "
        f"{'kept' if worst <= LIMIT else 'exceeded'}, worst {worst:.2f}"
    )
    text = "\n".join(lines) + "\n"
    sys.stdout.write(text)
    if _SAVE in sys.argv:
        RESULT.write_text(text, encoding="utf-8")
    return 0 if worst <= LIMIT else 1


def unmeasured() -> set[str]:
    """Functions of the repository that HANDLERS leaves out, and the other way round."""
    functions = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    return functions ^ {handler.name for handler in HANDLERS}


_HEADER = (
    f"{'CPU ms, median':16}{'bare':>8}{'import':>8}{'ratio':>8}{'p25-p75':>12}"
    f"{'bare ready':>13}{'ready':>8}{'ratio':>8}"
)


def _line(name: str, pairs: Sequence[tuple[Run, Run]]) -> str:
    imports = [(bare.imported, ours.imported) for bare, ours in pairs]
    readies = [(bare.ready, ours.ready) for bare, ours in pairs]
    low, _, high = quantiles([ours / bare for bare, ours in imports], n=4)
    return (
        f"{name:16}{median(bare for bare, _ in imports):8.0f}"
        f"{median(ours for _, ours in imports):8.0f}{_ratio(imports):8.2f}"
        f"{f'{low:.2f}-{high:.2f}':>12}"
        f"{median(bare for bare, _ in readies):13.0f}"
        f"{median(ours for _, ours in readies):8.0f}{_ratio(readies):8.2f}"
        f"{'  numpy at import' if pairs[0][1].has_numpy else ''}"
    )


def _ratio(pairs: Sequence[tuple[float, float]]) -> float:
    """The median over the turns of ours to the bare one in the same turn."""
    return median(ours / bare for bare, ours in pairs)


def _bare(handler: Handler) -> Mapping[str, str]:
    clients = "; ".join(f"boto3.client({service!r})" for service in handler.services)
    return {"load": _BARE, "prepare": clients}


def _ours(handler: Handler) -> Mapping[str, str]:
    prepare = [
        f"from bedrock_autoscaler.bootstrap import {handler.application}",
        f"ports = {handler.application}({_ARN!r}).{handler.ports}",
        *(f"import {module}" for module in handler.modules),
    ]
    return {"load": "import app", "prepare": "\n".join(prepare)}


def _run(code: Mapping[str, str], path: Sequence[Path]) -> Run:
    """One process; isolated, so that nothing of the environment of development is seen."""
    script = _SCRIPT.format(path=[str(each) for each in path], **code)
    done = subprocess.run(  # noqa: S603 - our own interpreter and script
        [sys.executable, "-I", "-S", "-c", script],
        env=_ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stderr)
    imported, ready, has_numpy = json.loads(done.stdout.lower())
    return Run(imported=imported / 1e6, ready=ready / 1e6, has_numpy=has_numpy)


def _layer() -> Path:
    """The newest layer that was built for this machine's processor."""
    suffix = f"{platform.machine()}-linux-gnu.so"
    builds = [ROOT / ".aws-sam" / "build", ROOT / ".aws-sam" / "local" / "build"]
    found = [
        build / LAYER
        for build in builds
        if any((build / LAYER / "numpy" / "_core").glob(f"_multiarray_umath.*{suffix}"))
    ]
    if not found:
        sys.exit(
            f"no layer for {platform.machine()}; run `sam build --parameter-overrides "
            "Architecture=x86_64` (or arm64) and `python -m bedrock_world.layer .aws-sam/build`"
        )
    return max(found, key=lambda layer: layer.stat().st_mtime)


@contextmanager
def _runtime() -> Iterator[Path]:
    """A folder with the packages of the Lambda runtime and nothing else."""
    (installed,) = (ROOT / ".venv" / "lib").glob("python*/site-packages")
    with tempfile.TemporaryDirectory() as folder:
        for name in RUNTIME:
            (Path(folder) / name).symlink_to(installed / name)
        yield Path(folder)


if __name__ == "__main__":
    sys.exit(main())
