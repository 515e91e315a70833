"""Passes over float graphs, one a file, and what several of them share."""
