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
    """Whether its tags name the deployment, and it is what the intent bought or may have bought.

    Where the ledger has its ARN, that tells. Before, its tags must name the decision and it must
    be what was asked for: a name alone proves nothing, and tags can be copied onto something else.
    """
    if listed.deployment != deployment:
        return False
    if intent.arn is not None:
        return listed.arn == intent.arn
    return (
        listed.decision_id == intent.decision_id
        and listed.model_units == intent.model_units
        and is_same_model(listed.model_arn, intent.model_id)
    )
