"""Whatever the package calls, some role allows: emulators do not refuse what AWS would."""

import pytest

from bedrock_autoscaler.adapters.clients import REQUIRED
from tests.deployment.policies import grants
from tests.deployment.template import stack
from tests.deployment.variants import VARIANTS

pytestmark = pytest.mark.xdist_group("template")

PREFIXES = {"service-quotas": "servicequotas"}
# A transaction needs the permissions of the writes in it, and has none of its own.
MADE_OF = {
    "dynamodb:TransactWriteItems": {"dynamodb:PutItem", "dynamodb:UpdateItem"},
    "sqs:SendMessageBatch": {"sqs:SendMessage"},
}


def test_every_operation_is_allowed_to_a_function() -> None:
    used = {
        f"{PREFIXES.get(service, service)}:{operation}"
        for service, operations in REQUIRED.items()
        for operation in operations
    }
    needed = set[str]().union(*(MADE_OF.get(action, {action}) for action in used))
    models = "arn:aws:bedrock:eu-central-1::foundation-model/amazon.nova-lite-v1:0*"

    endpoint = "arn:aws:sagemaker:eu-central-1:111111111111:endpoint/own"

    deployed = stack(
        PurchasableModelArns=models, ScalableEndpointArns=endpoint, **VARIANTS["spokes"]
    )
    allowed = {grant.action for grant in grants(deployed)}

    assert needed - allowed == set()
