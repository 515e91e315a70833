"""What a compilation is reported as: data, JSON and text."""

from mcucc.report.model import Report, load_report, to_json

__all__ = ["Report", "load_report", "to_json"]
