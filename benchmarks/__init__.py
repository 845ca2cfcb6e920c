"""Measurements of lifestats beside other ways to do its job: ``python -m benchmarks --help``."""
