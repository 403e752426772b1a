"""Prices, quotas, costs and break-even points; the facts to be known before money moves."""
