"""One SDK session for all tests of this folder, whose calls go to the stage that is set up.

To describe services and make clients anew takes longer than all else that a test does. So clients
are made once, and look up who answers when they are called.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.model import OperationModel

from tests.functions.account import BY_WORLD

Reply = Callable[[Any], Any]
Answered = tuple[AWSResponse, dict[str, Any]]


class Switchboard:
    """Who answers now.

    Attributes:
        replies: by `service.Operation`: an answer's members, or an error's code.
        describe: what CloudFormation answers about stacks.
        send: what answers for the services that the Bedrock world serves.
    """

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {}
        self.describe: Callable[..., Answered] | None = None
        self.send: Callable[..., AWSResponse] | None = None

    def answer(self, model: OperationModel, params: dict[str, Any], **_: object) -> Answered | None:
        """The answer to a call that has not been sent; None lets it pass."""
        name = f"{model.service_model.service_name}.{model.name}"
        if name in self.replies:
            found = self.replies[name](params["body"])
            meta = {"ResponseMetadata": {"RequestId": "1", "HTTPStatusCode": 200}}
            if isinstance(found, str):
                error = {"Code": found, "Message": f"{name} is refused"}
                return AWSResponse("", 400, HTTPHeaders(), None), {**meta, "Error": error}
            return AWSResponse("", 200, HTTPHeaders(), None), {**meta, **found}
        if name == "cloudformation.DescribeStacks" and self.describe is not None:
            return self.describe(model=model, params=params)
        return None

    def sent(self, request: Any, **given: object) -> AWSResponse:
        """The world's answer."""
        assert self.send is not None
        return self.send(request, **given)


SWITCHBOARD = Switchboard()


class SharedClients:
    """In place of `boto3.client`: each kind of client is made once."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, bool], Any] = {}

    def __call__(self, service: str, **given: Any) -> Any:
        # Those of the package have time-outs and a number of tries; others the SDK's own.
        key = (service, "config" in given)
        if key not in self._made:
            self._made[key] = _session().client(service, **given)
        return self._made[key]


@cache
def _session() -> Any:
    session = boto3.Session()
    hooks: Any = session.events  # the published stub forgets that a hook may answer
    hooks.register_first("before-call", SWITCHBOARD.answer)
    for service in BY_WORLD:
        hooks.register_first(f"before-send.{service}", SWITCHBOARD.sent)
    return session


CLIENTS = SharedClients()
