"""Deliberate faults, each with the tests that must notice it; in no wheel."""
