"""`settings`: documents in Parameter Store, read, changed, tried on the past."""
