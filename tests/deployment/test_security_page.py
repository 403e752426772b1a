"""The page on security explains every statement of every role, and none that is gone."""

import json
import re
from collections import defaultdict
from fnmatch import fnmatchcase

import pytest

from tests.deployment.policies import grants, statements
from tests.deployment.template import OWN, ROOT, Stack, spoke, stack
from tests.deployment.variants import VARIANTS

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


def test_the_organization_s_policy_spares_every_role_that_changes_throughput() -> None:
    (text,) = (each for each in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) if "Deny" in each)
    (denied,) = json.loads(text)["Statement"]
    spared = denied["Condition"]["ArnNotLike"]["aws:PrincipalArn"]
    models = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0*"
    changing = {
        f"arn:aws:iam::111111111111:role/{_name(deployed, grant.role)}"
        for deployed in (
            stack(PurchasableModelArns=models, **VARIANTS["spokes"] | VARIANTS["fan-out"]),
            spoke(PurchasableModelArns=models),
        )
        for grant in grants(deployed)
        if grant.action in denied["Action"]
    }

    missed = {arn for arn in changing if not any(fnmatchcase(arn, each) for each in spared)}
    assert len(changing) == 4
    assert missed == set()


def _name(deployed: Stack, role: str) -> str:
    """As CloudFormation names it in the page's stack, which is `bedrock-autoscaler`."""
    given = deployed.of("AWS::IAM::Role")[role].get("RoleName", f"{OWN}-{role}-1A2B3C")
    return f"bedrock-autoscaler{given.removeprefix(OWN)}"


def test_every_alarm_is_on_the_page() -> None:
    alarms = stack().of("AWS::CloudWatch::Alarm").values()
    names = {alarm["AlarmName"].removeprefix("prod-") for alarm in alarms}

    assert {name for name in names if f"`{name}`" not in PAGE and "-errors" not in name} == set()
