"""Measurements of what we promise; `make bench` runs them all."""
