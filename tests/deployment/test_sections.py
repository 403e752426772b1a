"""Each section of `samconfig.toml` deploys a stack that shares nothing with the others."""

import os
import subprocess
import tomllib
from typing import Any

import pytest

from tests.deployment.template import ROOT, translated

pytestmark = pytest.mark.xdist_group("template")

CONFIG: dict[str, Any] = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
SECTIONS = [name for name in CONFIG if name != "version"]
SET_BY_A_CALLER = {"STACK", "CONFIG_ENV", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES"}


def _deploys(*given: str) -> str:
    """The last command of `make deploy`, which is not run."""
    printed = subprocess.run(
        ["make", "-n", "deploy", *given],  # noqa: S607 - whatever make there is
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in SET_BY_A_CALLER},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return printed.splitlines()[-1].partition("sam deploy ")[2].strip()


def _overrides(section: str) -> dict[str, str]:
    text: str = CONFIG[section]["deploy"]["parameters"]["parameter_overrides"]
    return dict(pair.split("=", maxsplit=1) for pair in text.split())


def test_a_section_s_own_stack_is_deployed() -> None:
    """A name on the command line would beat it: production, with a rehearsal's values."""
    assert _deploys("CONFIG_ENV=rehearsal") == "--config-env rehearsal"
    assert _deploys() == "--config-env default"


def test_a_stack_that_is_named_beats_the_section_s() -> None:
    assert _deploys("STACK=mine") == "--config-env default --stack-name mine"


def test_no_two_sections_share_a_stack_or_a_prefix() -> None:
    default = translated()["Parameters"]["SettingsPrefix"]["Default"]

    stacks = [CONFIG[name]["global"]["parameters"]["stack_name"] for name in SECTIONS]
    prefixes = [_overrides(name).get("SettingsPrefix", default) for name in SECTIONS]

    assert len(set(stacks)) == len(set(prefixes)) == len(SECTIONS) > 1


def test_every_section_sets_parameters_that_there_are() -> None:
    declared = set(translated()["Parameters"])

    assert {key for name in SECTIONS for key in _overrides(name)} <= declared
