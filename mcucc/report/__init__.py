"""What a compilation is reported as: data, JSON and text."""

from mcucc.report.model import Report, to_json

__all__ = ["Report", "to_json"]
