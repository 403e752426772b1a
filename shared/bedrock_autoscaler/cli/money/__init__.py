"""Prices, quotas, economics, commitments, and what was saved."""
