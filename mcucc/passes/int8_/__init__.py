"""Passes over int8 graphs, one a file."""
