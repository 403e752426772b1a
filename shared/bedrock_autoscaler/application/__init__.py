"""The use cases: observe and decide, purchase, release, publish, replay."""
