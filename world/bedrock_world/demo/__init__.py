"""The demo: a day of traffic through the deployed application, on virtual time."""
