"""Which provisioned throughput came of which purchase."""

from bedrock_autoscaler.application.ports.bedrock import ListedThroughput
from bedrock_autoscaler.domain.fleet.intent import PurchaseIntent


def is_same_model(model_arn: str, model_id: str) -> bool:
    """Whether a PT of `model_arn` is of the model bought as `model_id`.

    Bedrock may report the base model of a context-length variant: `...:0` for `...:0:24k`.
    """
    held, bought = (name.rsplit("/", maxsplit=1)[-1] for name in (model_arn, model_id))
    return held == bought or bought.startswith(f"{held}:")


def came_of(listed: ListedThroughput, intent: PurchaseIntent, deployment: str) -> bool:
    """Whether its tags name the deployment and the decision, and it is what was asked for.

    A name alone proves nothing, and tags can be copied onto something else.
    """
    return (
        (listed.deployment, listed.decision_id) == (deployment, intent.decision_id)
        and listed.model_units == intent.model_units
        and is_same_model(listed.model_arn, intent.model_id)
    )
