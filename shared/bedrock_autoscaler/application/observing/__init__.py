"""What a decision looks at: fleet, traffic, quotas, life cycle, routes, memory."""
