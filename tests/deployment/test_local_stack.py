"""The stack deploys to the local AWS, its functions answer, and what we rely on there holds."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from bedrock_world.local import FunctionFailedError, LocalAws, LocalAwsError
from bedrock_world.local.environment import child_environment
from tests.deployment.conftest import STACK, Deployed
from tests.deployment.template import ROOT

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import MetricTypeDef

pytestmark = [pytest.mark.emulator, pytest.mark.xdist_group("emulator")]


NEEDS_AWS = ("refresh_prices",)
"""Functions that ask for what no emulator has; what they do with an answer is tested elsewhere."""

FANNED = ("dispatch", "visit")
"""Functions that this stack leaves out: it does not fan out."""

EVENTS = sorted(
    path for path in (ROOT / "events").glob("*.json") if path.stem not in {*NEEDS_AWS, *FANNED}
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda path: path.stem)
def test_function_answers_its_sample_event(deployed: Deployed, event: Path) -> None:
    name, _, loop = event.stem.rpartition("_")
    is_loop = loop in {"routing", "capacity", "heartbeat"}
    function = f"{STACK}-{name if is_loop else event.stem}".replace("_", "-")

    answer = deployed.aws.invoke(function, json.loads(event.read_text(encoding="utf-8")))

    assert answer is not None


def test_a_failing_function_is_told_with_its_log(deployed: Deployed) -> None:
    with pytest.raises(FunctionFailedError, match="Traceback"):
        deployed.aws.invoke(deployed.stack.purchase, {"unknown": 1})


def test_without_a_price_list_the_refresh_fails_and_says_so(deployed: Deployed) -> None:
    with pytest.raises(FunctionFailedError, match="price list: AmazonBedrock could not be read"):
        deployed.aws.invoke(f"{STACK}-refresh-prices", {})


def test_the_stack_makes_no_setting(deployed: Deployed) -> None:
    found = deployed.aws.client("ssm").get_parameters_by_path(
        Path=deployed.stack.settings_prefix, Recursive=True
    )

    assert found["Parameters"] == []


def test_functions_get_the_layer_and_the_stack_s_name(deployed: Deployed) -> None:
    described = deployed.aws.client("lambda").get_function_configuration(
        FunctionName=deployed.stack.observe_decide, Qualifier="live"
    )

    assert len(described["Layers"]) == 1
    assert described["Environment"]["Variables"]["DEPLOYMENT"] == STACK


def test_metrics_of_any_age_come_back(deployed: Deployed) -> None:
    """The emulator as shipped forgets what is older than two weeks, which the launcher undoes."""
    cloudwatch = deployed.aws.client("cloudwatch")
    minute = datetime(2024, 1, 7, 9, 15, tzinfo=UTC)
    metric: MetricTypeDef = {"Namespace": "Old", "MetricName": "Invocations"}
    cloudwatch.put_metric_data(
        Namespace="Old",
        MetricData=[{"MetricName": "Invocations", "Timestamp": minute, "Value": 12.0}],
    )

    read = cloudwatch.get_metric_data(
        MetricDataQueries=[
            {"Id": "q", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
        ],
        StartTime=minute,
        EndTime=minute + timedelta(minutes=1),
    )

    (result,) = read["MetricDataResults"]
    assert (result["Timestamps"], result["Values"]) == ([minute], [12.0])


def test_no_client_leaves_this_machine(deployed: Deployed) -> None:
    services = ("bedrock", "cloudwatch", "dynamodb", "lambda", "s3", "service-quotas", "ssm")

    hosts = {urlsplit(deployed.aws.client(name).meta.endpoint_url).hostname for name in services}

    assert hosts == {"127.0.0.1"}
    assert deployed.aws.client("bedrock").meta.endpoint_url == deployed.world.url


def test_children_get_no_account_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")

    environment = child_environment(ROOT / ".tools")

    assert {name for name in environment if name.startswith("AWS_")} == {
        "AWS_ACCESS_KEY_ID",
        "AWS_CONFIG_FILE",
        "AWS_DEFAULT_REGION",
        "AWS_EC2_METADATA_DISABLED",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SHARED_CREDENTIALS_FILE",
    }
    assert environment["AWS_ACCESS_KEY_ID"] == "111111111111"


def test_missing_tools_are_named() -> None:
    with (
        pytest.raises(LocalAwsError, match="make tools"),
        LocalAws(tools=ROOT / "no-such-folder", world_url="http://127.0.0.1:1"),
    ):
        pass
