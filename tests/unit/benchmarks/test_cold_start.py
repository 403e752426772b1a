"""The measurement of cold starts leaves no function out."""

import re
from pathlib import Path

from benchmarks.cold_start import HANDLERS, ROOT, unmeasured


def test_every_function_of_the_stack_is_measured() -> None:
    template = Path(ROOT / "template.yaml").read_text(encoding="utf-8")

    deployed = set(re.findall(r"CodeUri: functions/(\w+)/", template))

    assert {handler.name for handler in HANDLERS} == deployed
    assert unmeasured() == set()
