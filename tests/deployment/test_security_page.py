"""The page on security explains every statement of every role, and none that is gone."""

import re
from collections import defaultdict

import pytest

from tests.deployment.policies import statements
from tests.deployment.template import ROOT, stack
from tests.deployment.test_rules import VARIANTS

pytestmark = pytest.mark.xdist_group("template")

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
EVERYONE = "Every function"
SECTIONS = {
    "ObserveDecideRole": "observe_decide",
    "PurchaseRole": "purchase",
    "ReleaseRole": "release",
    "PublishRole": "publish",
    "RefreshPricesRole": "refresh_prices",
    "ScaleEndpointRole": "scale_endpoint",
    "DispatchRole": "dispatch",
    "VisitRole": "visit",
    "SchedulerRole": "The scheduler",
}


def _explained() -> dict[str, set[str]]:
    """Names in code font by section, those of table rows and of the scheduler's sentence."""
    found: dict[str, set[str]] = defaultdict(set)
    for section in re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]:
        title, _, text = section.partition("\n")
        first_cells = re.findall(r"^\| (`[^|]+`) \|", text, flags=re.MULTILINE)
        if not first_cells:
            first_cells = [text.split("##", maxsplit=1)[0]]
        found[title.split(":")[0]] = set(re.findall(r"`([A-Za-z]+)`", " ".join(first_cells)))
    return found


def _deployed() -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for variant in ("customer key", "traced", "scaling", "regions", "spokes"):
        fanned = stack(**VARIANTS[variant] | VARIANTS["fan-out"])
        for role, statement in statements(fanned):
            found[role].add(statement["Sid"])
    return found


@pytest.mark.parametrize("role", SECTIONS)
def test_every_statement_is_explained(role: str) -> None:
    explained = _explained()

    assert _deployed()[role] - explained[SECTIONS[role]] - explained[EVERYONE] == set()


@pytest.mark.parametrize("role", [role for role in SECTIONS if role != "SchedulerRole"])
def test_no_statement_is_explained_that_is_gone(role: str) -> None:
    assert _explained()[SECTIONS[role]] - _deployed()[role] == set()


def test_what_every_function_has_is_explained_once() -> None:
    deployed = _deployed()
    apart = {"RefreshPricesRole", "SchedulerRole", "VisitRole"}
    functions = [deployed[role] for role in SECTIONS if role not in apart]

    assert _explained()[EVERYONE] == set.intersection(*functions)


def test_every_alarm_is_on_the_page() -> None:
    alarms = stack().of("AWS::CloudWatch::Alarm").values()
    names = {alarm["AlarmName"].removeprefix("prod-") for alarm in alarms}

    assert {name for name in names if f"`{name}`" not in PAGE and "-errors" not in name} == set()
