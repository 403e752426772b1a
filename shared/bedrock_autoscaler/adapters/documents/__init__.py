"""The settings documents: their schema, their defaults, and their parser."""

from bedrock_autoscaler.adapters.documents.conversion import Prices
from bedrock_autoscaler.adapters.documents.document import TargetDocument
from bedrock_autoscaler.adapters.documents.parser import (
    BacktestSettings,
    TargetDocuments,
    parse_for_backtest,
)

__all__ = [
    "BacktestSettings",
    "Prices",
    "TargetDocument",
    "TargetDocuments",
    "parse_for_backtest",
]
