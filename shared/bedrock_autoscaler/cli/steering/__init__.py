"""A person's hand on what runs: approvals, pauses, repairs, the end."""
