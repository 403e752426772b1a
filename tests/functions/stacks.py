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
    """CloudFormation's answers on some stacks; moto's own would need a further package."""

    def __init__(self, clock: str) -> None:
        self.outputs: dict[str, str] = dict(OUTPUTS)
        self.parameters: dict[str, str] = {"ClockEndpoint": clock}
        nothing: dict[str, str] = {}
        self._stacks = {DEPLOYMENT: (self.outputs, self.parameters), "other": (nothing, nothing)}

    def forget(self, name: str) -> None:
        """The stack is gone."""
        del self._stacks[name]

    def add(self, name: str, outputs: dict[str, str]) -> None:
        """Another stack beside them."""
        self._stacks[name] = (outputs, {})

    def __call__(
        self, model: OperationModel, params: dict[str, Any], **_: object
    ) -> tuple[AWSResponse, dict[str, Any]]:
        """What DescribeStacks answers: all of them where none is named."""
        name = params["body"].get("StackName")
        answer = {"ResponseMetadata": {"RequestId": "1", "HTTPStatusCode": 200}}
        if name is None:
            every = [self._described(each) for each in self._stacks]
            return AWSResponse("", 200, HTTPHeaders(), None), {**answer, "Stacks": every}
        if name not in self._stacks:
            error = {"Code": "ValidationError", "Message": f"Stack {name} does not exist"}
            return AWSResponse("", 400, HTTPHeaders(), None), {**answer, "Error": error}
        stacks = [self._described(name)]
        return AWSResponse("", 200, HTTPHeaders(), None), {**answer, "Stacks": stacks}

    def _described(self, name: str) -> dict[str, Any]:
        outputs, given = self._stacks[name]
        return {
            "StackName": name,
            "StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{name}/1",
            "Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in outputs.items()],
            "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in given.items()],
        }


def by_the_rules(account: Account) -> None:
    """The functions decide by the package's own rules, whose decisions replay."""
    for name in account.applications:
        account.applications[name] = Application(
            Adapters(account), deployment=DEPLOYMENT, code_version="1.2.3"
        )
