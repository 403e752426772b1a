"""Remembers what the clairvoyant optimum costs; it is the same for every policy.

An entry's name is a hash of all that the result rests on: the traffic, the scenario, the first
scored minute, the code and the versions of the solver and of numpy. So nothing is ever out of
date, and the folder may be deleted at any time.
"""

import json
from dataclasses import asdict
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

from bedrock_autoscaler import backtest
from bedrock_autoscaler.backtest.optimum import optimum_score
from bedrock_autoscaler.backtest.replay import Replay, Score

_CODE = ("lives", "marginal", "optimum", "replay", "timeline")


def cached_optimum(replay: Replay, folder: Path | None) -> tuple[Score, bool]:
    """The optimum's score, and whether it was remembered.

    Args:
        replay: the trace, scaled, under its scenario.
        folder: where scores are kept; None: compute it whatever is there, and keep nothing.
    """
    if folder is None:
        return optimum_score(replay), False
    entry = folder / f"{_key(replay)}.json"
    try:
        return Score(**json.loads(entry.read_text(encoding="utf-8"))), True
    except FileNotFoundError:
        pass
    score = optimum_score(replay)
    folder.mkdir(parents=True, exist_ok=True)
    # Whole or not at all: another worker may be reading.
    draft = folder / f"{uuid4()}.draft"
    draft.write_text(json.dumps(asdict(score)), encoding="utf-8")
    draft.replace(entry)
    return score, False


def _key(replay: Replay) -> str:
    digest = sha256(_code_digest())
    digest.update(json.dumps(replay.scenario.to_document(), sort_keys=True).encode())
    digest.update(str(replay.score_from).encode())
    trace = replay.trace
    for column in (trace.invocations, trace.input_tokens, trace.output_tokens):
        digest.update(column.tobytes())
    return digest.hexdigest()


@lru_cache
def _code_digest() -> bytes:
    """The code that computes the optimum, and the versions of the libraries under it."""
    digest = sha256(f"{version('numpy')} {version('ortools')}".encode())
    folder = Path(backtest.__path__[0])
    for name in _CODE:
        digest.update((folder / f"{name}.py").read_bytes())
    return digest.digest()
