"""A stack as CloudFormation describes it, over the emulated account of these tests."""

from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.model import OperationModel

from bedrock_autoscaler.application.assembling import Application
from tests.builders import ACCOUNT, REGION
from tests.functions.account import DEPLOYMENT, Account
from tests.functions.account import _Adapters as Adapters

OUTPUTS = {
    "LedgerTableName": "ledger",
    "RoutesTableName": "routes",
    "ConsentsTableName": "consents",
    "SettingsPrefixPath": "/bedrock-autoscaler",
}


class Stacks:
    """CloudFormation's answers on two stacks; moto's own would need a further package."""

    def __init__(self, clock: str) -> None:
        self.outputs: dict[str, str] = dict(OUTPUTS)
        self.parameters: dict[str, str] = {"ClockEndpoint": clock}
        nothing: dict[str, str] = {}
        self._stacks = {DEPLOYMENT: (self.outputs, self.parameters), "other": (nothing, nothing)}

    def forget(self, name: str) -> None:
        """The stack is gone."""
        del self._stacks[name]

    def __call__(
        self, model: OperationModel, params: dict[str, Any], **_: object
    ) -> tuple[AWSResponse, dict[str, Any]]:
        """What DescribeStacks answers."""
        name = params["body"]["StackName"]
        answer = {"ResponseMetadata": {"RequestId": "1", "HTTPStatusCode": 200}}
        if name not in self._stacks:
            error = {"Code": "ValidationError", "Message": f"Stack {name} does not exist"}
            return AWSResponse("", 400, HTTPHeaders(), None), {**answer, "Error": error}
        outputs, given = self._stacks[name]
        stack = {
            "StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{name}/1",
            "Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in outputs.items()],
            "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in given.items()],
        }
        return AWSResponse("", 200, HTTPHeaders(), None), {**answer, "Stacks": [stack]}


def by_the_rules(account: Account) -> None:
    """The functions decide by the package's own rules, whose decisions replay."""
    for name in account.applications:
        account.applications[name] = Application(
            Adapters(account), deployment=DEPLOYMENT, code_version="1.2.3"
        )
