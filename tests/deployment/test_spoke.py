"""The roles in a spoke: what the hub's own functions have and no more, for its exact roles."""

from typing import Any

import pytest

from tests.deployment import access_rules
from tests.deployment.authorization import new_findings
from tests.deployment.policies import as_tuple, grants
from tests.deployment.template import HUB, HUB_OWNER, SPOKE, Stack, spoke, stack, translated
from tests.deployment.variants import VARIANTS

pytestmark = pytest.mark.xdist_group("template")

MODELS = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0*"
COUNTERPARTS = {
    "ReaderRole": ("ObserveDecideRole", ("bedrock:", "cloudwatch:", "servicequotas:")),
    "PurchaserRole": ("PurchaseRole", ("bedrock:",)),
    "ReleaserRole": ("ReleaseRole", ("bedrock:", "cloudwatch:")),
    "PublisherRole": ("PublishRole", ("bedrock:", "ssm:")),
}
"""By role of the spoke: that of the hub, and the services of which it needs the same."""
AT_HOME = {"ssm:GetParametersByPath"}
"""What of these services is asked at home alone: settings; so is the switch."""


def buying() -> Stack:
    """A spoke in which one model may be bought."""
    return spoke(PurchasableModelArns=MODELS)


def allowed(deployed: Stack, role: str) -> set[str]:
    return {grant.action for grant in grants(deployed) if grant.role == role}


@pytest.mark.parametrize("role", COUNTERPARTS)
def test_each_role_allows_what_its_function_does_at_home_and_nothing_else(role: str) -> None:
    counterpart, services = COUNTERPARTS[role]
    at_home = allowed(stack(PurchasableModelArns=MODELS), counterpart)

    same = {action for action in at_home if action.startswith(services)} - AT_HOME

    assert allowed(buying(), role) == same


def test_there_are_four_roles_and_nothing_else() -> None:
    assert {(name, each["Type"]) for name, each in spoke().resources.items()} == {
        (name, "AWS::IAM::Role") for name in COUNTERPARTS
    }


def test_parameters_are_read_and_written_under_routes_alone() -> None:
    found = {grant.resources for grant in grants(spoke()) if grant.action.startswith("ssm:")}

    assert found == {("arn:aws:ssm:*:111111111111:parameter/bedrock-autoscaler/routes/*",)}


def test_nothing_may_be_bought_until_a_model_is_listed() -> None:
    tagging = {"bedrock:CreateProvisionedModelThroughput", "bedrock:TagResource"}

    assert not tagging & allowed(spoke(), "PurchaserRole")
    assert tagging <= allowed(buying(), "PurchaserRole")


def test_every_statement_holds_in_the_listed_regions_alone() -> None:
    for grant in grants(buying()):
        regions = grant.conditions["StringEquals"]["aws:RequestedRegion"]
        assert regions == ["eu-central-1", "us-east-1"], grant


def test_buying_needs_our_tags_and_deleting_our_owner_s() -> None:
    tags = {"aws:TagKeys": access_rules.TAG_KEYS}
    for grant in grants(buying()):
        owner = {
            key: value for key, value in grant.conditions["StringEquals"].items() if "Tag/" in key
        }
        if grant.action in {"bedrock:CreateProvisionedModelThroughput", "bedrock:TagResource"}:
            assert owner == {f"aws:RequestTag/{access_rules.OWNER_TAG}": HUB_OWNER}
            assert grant.conditions["ForAllValues:StringEquals"] == tags
        elif grant.action == "bedrock:DeleteProvisionedModelThroughput":
            assert owner == {f"aws:ResourceTag/{access_rules.OWNER_TAG}": HUB_OWNER}
        else:
            assert owner == {}


def test_who_deletes_can_neither_buy_nor_tag() -> None:
    changing = {
        role: {
            action
            for action in allowed(buying(), role)
            if action.startswith(("bedrock:Create", "bedrock:Delete", "bedrock:Tag", "ssm:Put"))
        }
        for role in COUNTERPARTS
    }

    assert changing == {
        "ReaderRole": set(),
        "PurchaserRole": {"bedrock:CreateProvisionedModelThroughput", "bedrock:TagResource"},
        "ReleaserRole": {"bedrock:DeleteProvisionedModelThroughput"},
        "PublisherRole": {"ssm:PutParameter"},
    }


def trust(deployed: Stack, role: str) -> dict[str, Any]:
    (statement,) = deployed.of("AWS::IAM::Role")[role]["AssumeRolePolicyDocument"]["Statement"]
    found: dict[str, Any] = statement
    return found


def test_each_role_trusts_the_exact_roles_of_the_hub_with_the_external_id() -> None:
    trusted = {role: as_tuple(trust(spoke(), role)["Principal"]["AWS"]) for role in COUNTERPARTS}

    assert trusted == {
        "ReaderRole": (HUB["DispatchRoleArn"], HUB["VisitRoleArn"]),
        "PurchaserRole": (HUB["PurchaseRoleArn"],),
        "ReleaserRole": (HUB["ReleaseRoleArn"],),
        "PublisherRole": (HUB["PublishRoleArn"],),
    }
    for role in COUNTERPARTS:
        assert trust(spoke(), role)["Condition"] == {
            "StringEquals": {
                "sts:ExternalId": HUB["ExternalId"],
                "aws:PrincipalAccount": HUB["HubAccountId"],
            }
        }


def test_an_organization_is_asked_for_where_it_is_given() -> None:
    bounds = trust(spoke(OrganizationId="o-a1b2c3d4e5"), "ReaderRole")["Condition"]["StringEquals"]

    assert bounds["aws:PrincipalOrgID"] == "o-a1b2c3d4e5"


def test_the_hub_assumes_the_roles_that_there_are() -> None:
    hub = stack(**VARIANTS["spokes"])
    names = {
        role: properties["RoleName"] for role, properties in spoke().of("AWS::IAM::Role").items()
    }
    assumed = {
        grant.resources[0].rpartition("/")[2]
        for grant in grants(hub)
        if grant.action == "sts:AssumeRole"
    }
    named = {
        function["Environment"]["Variables"]["SPOKE_ROLE"]
        for function in hub.of("AWS::Lambda::Function").values()
        if "SPOKE_ROLE" in function["Environment"]["Variables"]
    }

    assert set(names.values()) == assumed == named


def test_the_hub_s_outputs_are_the_spoke_s_parameters() -> None:
    wanted = {name for name in HUB if name.endswith("RoleArn")}

    assert wanted <= stack(**VARIANTS["spokes"]).outputs.keys()
    assert wanted <= translated(SPOKE)["Parameters"].keys()


def test_without_fan_out_the_hub_goes_nowhere() -> None:
    alone = stack(**VARIANTS["spokes"] | {"FanOut": "off"})

    functions = alone.of("AWS::Lambda::Function").values()
    accounts = {each["Environment"]["Variables"]["SPOKE_ACCOUNTS"] for each in functions}
    assert accounts == {""}
    assert not [grant for grant in grants(alone) if grant.action == "sts:AssumeRole"]


def test_who_decides_without_workers_looks_at_home_alone() -> None:
    functions = stack(**VARIANTS["spokes"]).of("AWS::Lambda::Function")

    variables = functions["ObserveDecideFunction"]["Environment"]["Variables"]
    assert variables["SPOKE_ACCOUNTS"] == ""
    accounts = functions["VisitFunction"]["Environment"]["Variables"]["SPOKE_ACCOUNTS"]
    assert accounts == "222222222222,333333333333"


@pytest.mark.parametrize("models", ["", MODELS])
def test_policies_are_as_aws_knows_their_actions(models: str) -> None:
    deployed = spoke(PurchasableModelArns=models, OrganizationId="o-a1b2c3d4e5")

    assert [str(finding) for finding in new_findings(deployed)] == []
    for rule in (
        access_rules.wildcards,
        access_rules.forbidden_actions,
        access_rules.no_function_writes_its_bounds,
    ):
        assert list(rule(deployed)) == []
