"""Exact counts of field values over the whole id space of a paged API."""
