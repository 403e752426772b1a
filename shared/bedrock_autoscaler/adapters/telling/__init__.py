"""EventBridge and SNS: events for whoever listens, messages for persons."""
