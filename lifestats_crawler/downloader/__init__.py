"""When and how a request leaves."""
