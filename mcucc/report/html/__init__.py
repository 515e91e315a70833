"""The report as a page for a browser: one file, without a network, readable in print and dark."""

from mcucc.report.html.beside import Beside, Counted, PlanPoint
from mcucc.report.html.page import render_page

__all__ = ["Beside", "Counted", "PlanPoint", "render_page"]
