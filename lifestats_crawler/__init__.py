"""Exact counts of field values over the whole id space of a paged API."""

__version__ = "0.2.0"
