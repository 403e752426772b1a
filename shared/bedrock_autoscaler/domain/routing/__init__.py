"""Where calls go: lawful options, their order and weights, and the published table."""
