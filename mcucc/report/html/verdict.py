"""The head of the page: whether it fits, and the figures that people ask for first."""

from collections.abc import Iterator
from dataclasses import dataclass

from mcucc.report.html.beside import Beside
from mcucc.report.html.layers import Work
from mcucc.report.model import Report
from mcucc.report.text.figures import percents, plural, printable, short_name

_LONGEST_NAME = 40


@dataclass(frozen=True)
class Figure:
    """A figure of the strip.

    Attributes:
        title: what it is.
        value: the figure.
        note: what it is held against, or how it was found.
        share: of a limit in percent, for a bar; None for no bar.
        bad: whether it is beyond its limit.
    """

    title: str
    value: str
    note: str
    share: float | None = None
    bad: bool = False


def verdict(report: Report) -> str:
    """The one word, as on the terminal."""
    if not report.fits:
        return "DOES NOT FIT"
    return "FITS" if report.built else "NOT BUILT"


def figures(report: Report, beside: Beside, work: Work) -> tuple[Figure, ...]:
    """The figures of the strip."""
    return tuple(_figures(report, beside, work))


def _figures(report: Report, beside: Beside, work: Work) -> Iterator[Figure]:
    limit = max(report.sram_bytes - report.stack_reserve_bytes, 0)
    yield _of_limit("Arena", report.arena_bytes, limit, f"RAM '{beside.board.largest_sram.name}'")
    if report.flash.total_bytes is None:
        weights = sum(layer.weights_bytes for layer in report.layers)
        yield Figure("Weights", f"{weights:,} B", "code not built: its size is unknown")
    else:
        where = f"flash '{beside.board.flash.name}'"
        yield _of_limit("Flash", report.flash.total_bytes, report.flash_limit_bytes, where)
    if report.stack_bytes is not None:
        kept = f"{report.stack_reserve_bytes:,} B are kept for the stack"
        yield Figure("Stack of a run", f"at most {report.stack_bytes:,} B", kept)
    again = report.executed_macs - report.macs
    more = f"{again:,} of them done again" if again > 0 else "each executed once"
    yield Figure("Multiply-accumulates", f"{report.executed_macs:,}", more)
    yield from _work(beside, work)
    yield from _accuracy(report)


def _of_limit(title: str, used: int, limit: int, where: str) -> Figure:
    share = percents([used], limit)[0] if limit else "more than 100%"
    return Figure(
        title=title,
        value=f"{used:,} B",
        note=f"{share} of {limit:,} B in {where}",
        share=min(100 * used / limit, 100.0) if limit else 100.0,
        bad=used > limit,
    )


def _work(beside: Beside, work: Work) -> Iterator[Figure]:
    if work.instructions is None:
        yield Figure("Instructions", "not known", "mcucc bench DIR --save counts them")
    elif work.counted:
        yield Figure("Instructions", f"{work.instructions:,}", "counted on the simulated core")
    else:
        rest = f", without {plural(work.unknown, 'layer')}" if work.unknown else ""
        note = f"from rates of kernels{rest}; mcucc bench DIR --save counts them"
        yield Figure("Instructions, predicted", f"{work.instructions:,}", note)
    clock = beside.board.clock_hz
    if work.cycles is not None and clock is not None:
        time = f"{1000 * work.cycles / clock:,.2f} ms at {clock / 1e6:g} MHz"
        note = f"{time} with ideal memory: no latency"
        yield Figure("Modelled cycles", f"{work.cycles:,}", note)


def _accuracy(report: Report) -> Iterator[Figure]:
    quality = report.quantization
    if not report.calibrated:
        yield Figure("Accuracy", "NOT CALIBRATED", "compile again with --calib", bad=True)
        return
    measured = [port.sqnr_db for port in report.outputs if port.sqnr_db is not None]
    if measured:
        note = "signal to quantization noise, on inputs held out"
        yield Figure("Worst output", f"{min(measured):.1f} dB", note)
    if quality is not None and quality.worst_sqnr_db is not None:
        name = short_name(printable(quality.worst_layer or ""), _LONGEST_NAME)
        yield Figure("Worst layer", f"{quality.worst_sqnr_db:.1f} dB", name)
    if not measured and quality is None:
        note = "mcucc evaluate on labelled inputs measures it"
        yield Figure("Accuracy", "as in the file", f"it came quantized: {note}")
