"""Errors of calls, as the SDK raises them."""

from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

UNREACHABLE = EndpointConnectionError(endpoint_url="https://bedrock.invalid")
UNANSWERED = ReadTimeoutError(endpoint_url="https://bedrock.invalid")


def refusal(code: str, message: str = "", status: int = 400) -> ClientError:
    return ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {
                "HTTPStatusCode": status,
                "RequestId": "1",
                "HostId": "",
                "HTTPHeaders": {},
                "RetryAttempts": 0,
            },
        },
        "Converse",
    )


THROTTLED = refusal("ThrottlingException", status=429)
INVALID = refusal("ValidationException")
