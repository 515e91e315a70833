"""The whole page, put together from its parts."""

from mcucc.report.fit import explain_misfit
from mcucc.report.html.arena import draw_arena
from mcucc.report.html.beside import Beside
from mcucc.report.html.env import environment
from mcucc.report.html.flash import HIGH, draw_flash
from mcucc.report.html.graph import ROW, draw_network
from mcucc.report.html.layers import layer_rows, work_of
from mcucc.report.html.plans import plan_bars
from mcucc.report.html.room import BREAKPOINTS
from mcucc.report.html.verdict import figures, verdict
from mcucc.report.model import Report
from mcucc.report.text.explain import PLANNING, sentence
from mcucc.report.text.figures import printable


def render_page(report: Report, beside: Beside) -> str:
    """The page of a compilation; equal input gives equal text.

    Args:
        report: of the compilation, of a network that fits or not.
        beside: what is known beside it.

    Returns:
        HTML that loads nothing.
    """
    rows = layer_rows(report, beside)
    work = work_of(rows, beside)
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            report=report,
            board=beside.board,
            example=beside.example,
            verdict=verdict(report),
            figures=figures(report, beside, work),
            misfit="" if report.fits else explain_misfit(report, beside.board),
            arena=draw_arena(report),
            flash=draw_flash(report),
            flash_height=HIGH,
            rows=rows,
            work=work,
            bars=plan_bars(report, beside),
            network=draw_network(report),
            network_row=ROW,
            most_macs=max((row.macs for row in rows), default=0) or 1,
            most_noise=max((row.sqnr for row in rows if row.sqnr is not None), default=0.0) or 1.0,
            breakpoints=BREAKPOINTS,
            planning=_planning(report),
        )
    )


def _planning(report: Report) -> tuple[str, ...]:
    """Why the plan is as it is."""
    reasons = (r for r in report.reasons if r.layer is None and r.stage in PLANNING)
    return tuple(printable(sentence(reason, report)) for reason in reasons)
