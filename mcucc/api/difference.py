"""Two compiled directories held against each other, and against limits of growth."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from mcucc.compiled.counts import load_counts
from mcucc.compiled.report_file import load_report
from mcucc.errors import UsageError
from mcucc.report.difference import Difference, FigureChange, difference

_PERCENT = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?) ?%", re.ASCII)
_COUNT = re.compile(r"[0-9](?:[_,]?[0-9]){0,17}", re.ASCII)
_FEW_PERCENT = 100


@dataclass(frozen=True)
class Growth:
    """How much a figure may grow: by a share of itself, or by a number.

    Attributes:
        percent: of the old figure, None for a number.
        count: bytes or instructions, None for a share.
    """

    percent: Fraction | None = None
    count: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Growth":
        """Of a text such as `2%`, `0.5%` or `512`.

        Raises:
            UsageError: it is neither.
        """
        share = _PERCENT.fullmatch(text.strip())
        if share is not None:
            return cls(percent=Fraction(share[1]))
        if _COUNT.fullmatch(text.strip()) is None:
            raise UsageError(f"'{text}' is no growth: write a share such as 2%, or a number")
        return cls(count=int(re.sub("[_,]", "", text.strip())))

    def __str__(self) -> str:
        return f"{self.count:,}" if self.percent is None else f"{float(self.percent):g}%"

    def most(self, old: float) -> Fraction:
        """The largest new figure that is within it."""
        if self.percent is not None:
            return Fraction(old) * (1 + self.percent / _FEW_PERCENT)
        return Fraction(old) + (self.count or 0)


@dataclass(frozen=True)
class Limits:
    """What must hold of a new compilation; None for anything.

    Attributes:
        arena: by how much the arena may grow.
        flash: code and weights.
        stack: of a run.
        instructions: counted, in both directories.
        min_sqnr_db: the least signal-to-noise ratio of an output.
    """

    arena: Growth | None = None
    flash: Growth | None = None
    stack: Growth | None = None
    instructions: Growth | None = None
    min_sqnr_db: float | None = None


def compare_directories(old: Path, new: Path, limits: Limits) -> Difference:
    """What changed from one compiled directory to another.

    Raises:
        InputFileError: one is not a compiled network of this version.
        UsageError: a limit cannot be held, as nobody measured its figure.
    """
    before, after = load_report(old), load_report(new)
    counts = [load_counts(d, r) for d, r in ((old, before), (new, after))]
    counted = [None if each is None else each.instructions for each in counts]
    found = difference(before, after, (counted[0], counted[1]))
    beyond = list(_beyond(found, limits))
    if before.fits and not after.fits:
        beyond.insert(0, f"{after.name} no longer fits {after.board}")
    return replace(found, beyond=tuple(beyond))


def _beyond(found: Difference, limits: Limits) -> Iterator[str]:
    figures = {figure.name: figure for figure in found.figures}
    for name in ("arena", "flash", "stack", "instructions"):
        growth: Growth | None = getattr(limits, name)
        if growth is not None:
            yield from _grown(name, figures.get(name), growth)
    if limits.min_sqnr_db is not None:
        ratio = figures.get("output SQNR")
        if ratio is None or ratio.new is None:
            raise UsageError(
                "--min-sqnr: no ratio was measured of the new network, as it came quantized or has "
                "too few calibration inputs: leave it out, or compile a float network with --calib"
            )
        if ratio.new < limits.min_sqnr_db:
            yield f"output SQNR: {ratio.new:.1f} dB, and at least {limits.min_sqnr_db:g} are wanted"


def _grown(name: str, figure: FigureChange | None, growth: Growth) -> Iterator[str]:
    """A sentence if a figure grew too much."""
    if figure is None or figure.old is None or figure.new is None:
        how = (
            "count them in both directories by `mcucc bench DIR --save`"
            if name == "instructions"
            else "compile both where arm-none-eabi-gcc is installed, for a microcontroller"
        )
        raise UsageError(f"--max-{name}: not known of both compilations: {how}")
    if Fraction(figure.new) > growth.most(figure.old):
        grown = figure.new - figure.old
        share = f" ({100 * grown / figure.old:+.2f}%)" if figure.old else ""
        yield f"{name}: {figure.old:,} -> {figure.new:,}, {grown:+,}{share}; {growth} is allowed"
