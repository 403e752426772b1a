"""Instances of Marketplace endpoints, changed one at a time."""
