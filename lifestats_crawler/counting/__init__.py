"""Tallies to totals."""
