"""`backtest`, `traces`: the policy on recorded traffic."""
