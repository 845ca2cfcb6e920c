"""The development API: a real HTTP server with made-up data."""
