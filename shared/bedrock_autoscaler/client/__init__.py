"""The client library: calls go where the published routing table says; needs boto3 alone.

`AsyncRoutedClient` is in `bedrock_autoscaler.client.asynchronous`, so that others need not load
asyncio.
"""

from bedrock_autoscaler.client.answers import Verdict
from bedrock_autoscaler.client.document import parse_routing_table
from bedrock_autoscaler.client.following import Attempt
from bedrock_autoscaler.client.patience import Patience
from bedrock_autoscaler.client.routed import PROMPT, RoutedClient, connect
from bedrock_autoscaler.client.tables import FileTable, FollowedTable, SsmTable, TableSource

__all__ = [
    "PROMPT",
    "Attempt",
    "FileTable",
    "FollowedTable",
    "Patience",
    "RoutedClient",
    "SsmTable",
    "TableSource",
    "Verdict",
    "connect",
    "parse_routing_table",
]
