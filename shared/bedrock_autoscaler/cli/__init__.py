"""The command line `bedrock-autoscaler`."""
