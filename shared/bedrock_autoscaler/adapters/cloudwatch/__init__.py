"""CloudWatch: what Bedrock publishes per `ModelId`, and this deployment's heartbeat."""
