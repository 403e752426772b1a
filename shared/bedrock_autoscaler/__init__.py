"""Right-sizes Amazon Bedrock capacity: observes demand, decides, buys, releases and routes."""

__version__ = "0.1.0"
