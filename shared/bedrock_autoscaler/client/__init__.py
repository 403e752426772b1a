"""The client library: calls go where the published routing table says; needs boto3 alone."""
