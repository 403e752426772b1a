"""Benchmarks of the decision core: `python -m benchmarks` scores the policy on traces."""
