"""What the stack's parameters let its functions buy and change, whatever the settings say."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from bedrock_autoscaler.cli.stack import Place
from bedrock_autoscaler.domain.target import Target


def is_elsewhere(place: Place, target: Target) -> bool:
    """Whether the target is in a spoke, whose own stack permits what is done for it."""
    return (target.account, target.region) != (place.account, place.region)


def arn_of(place: Place, model_id: str) -> str:
    """The ARN by which a purchase of a model is permitted; a custom model's id is one."""
    if model_id.startswith("arn:"):
        return model_id
    return f"arn:aws:bedrock:{place.region}::foundation-model/{model_id}"


def may_buy(place: Place, model_id: str) -> bool:
    """Whether the purchase function's role names the model."""
    return any(fnmatchcase(arn_of(place, model_id), pattern) for pattern in place.purchasable)


def permit_purchases(place: Place, model_id: str) -> str:
    """The command after which the purchase function may buy the model too."""
    return _deploy("PurchasableModelArns", place.purchasable, arn_of(place, model_id))


def may_scale(place: Place, endpoint: str) -> bool:
    """Whether functions may look at the endpoint and change its instances."""
    return endpoint in _endpoints(place)


def permit_scaling(place: Place, endpoint: str) -> str:
    """The command after which they may."""
    return f"{_deploy('ScalableEndpointArns', _endpoints(place), endpoint)} EndpointRoleArns=ROLES"


def _endpoints(place: Place) -> list[str]:
    return [arn for arn in place.parameters.get("ScalableEndpointArns", "").split(",") if arn]


def _deploy(parameter: str, given: Sequence[str], further: str) -> str:
    return f"sam deploy --parameter-overrides {parameter}={','.join([*given, further])}"
