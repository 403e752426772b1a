"""The parameters that the template is deployed with, where rules are held against it."""

MODEL = "arn:aws:bedrock:eu-central-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0*"
KEY = "arn:aws:kms:eu-central-1:111111111111:key/0a1b2c3d"
ENDPOINT = "arn:aws:sagemaker:eu-central-1:111111111111:endpoint/own"
ENDPOINT_ROLE = "arn:aws:iam::111111111111:role/endpoint"
VARIANTS: dict[str, dict[str, str]] = {
    "defaults": {},
    "buying": {"PurchasableModelArns": MODEL},
    "customer key": {"PurchasableModelArns": MODEL, "KmsKeyArn": KEY},
    "traced": {"PurchasableModelArns": MODEL, "Tracing": "Active"},
    "scaling": {"ScalableEndpointArns": ENDPOINT, "EndpointRoleArns": ENDPOINT_ROLE},
    "regions": {"SourceRegions": "us-west-2,us-east-2"},
    "fan-out": {"FanOut": "on"},
    "spokes": {
        "FanOut": "on",
        "SpokeAccounts": "222222222222,333333333333",
        "SpokeRegions": "us-east-1,us-west-2",
        "SpokeExternalId": "a-long-random-text",
    },
    "local": {"AlarmSet": "basic", "SchedulesState": "DISABLED", "Architecture": "x86_64"},
}
