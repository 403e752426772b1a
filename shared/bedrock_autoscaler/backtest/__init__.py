"""Replays a traffic trace against a policy and scores it as the backtest contract says."""
