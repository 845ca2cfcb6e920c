"""Totals to something that people read."""
