"""A Bedrock of our own on loopback, and the local AWS around it, for demos and tests."""
