"""Bedrock's control plane: what is held, what may be bought, buying and deleting."""

from bedrock_autoscaler.adapters.bedrock.capacity import BedrockCapacity
from bedrock_autoscaler.adapters.bedrock.purchasing import BedrockPurchasing
from bedrock_autoscaler.adapters.bedrock.releasing import BedrockReleasing

__all__ = ["BedrockCapacity", "BedrockPurchasing", "BedrockReleasing"]
