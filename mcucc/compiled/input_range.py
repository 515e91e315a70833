"""How samples lie in the range that their input's int8 values cover.

Samples that are prepared otherwise than those of the calibration show it here: they saturate, or
they fill a small part of the range.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcucc.compiled.arrays import ArraySource
from mcucc.compiled.samples import load_reals
from mcucc.ir.limits import DEFAULT_LIMIT, Limit
from mcucc.reference.preprocessing import preprocess
from mcucc.report import Report
from mcucc.report.model import PortReport

_MUCH_OUTSIDE = 0.01
_LITTLE_USED = 0.25


@dataclass(frozen=True)
class InputRange:
    """The samples of one input.

    Attributes:
        name: in the ONNX file.
        low: smallest real that an int8 value stands for, behind the input's preprocessing.
        high: largest.
        outside: share of the samples' values beyond both, 0 to 1; they saturate.
        used: share of the range between the samples' smallest and largest value, 0 to 1.
    """

    name: str
    low: float
    high: float
    outside: float
    used: float

    @property
    def is_strange(self) -> bool:
        """Whether the samples do not look like those that the range was made for."""
        return self.outside > _MUCH_OUTSIDE or self.used < _LITTLE_USED


def input_ranges(
    report: Report, source: ArraySource, limit: Limit = DEFAULT_LIMIT
) -> tuple[InputRange, ...]:
    """How the samples of a file lie in the ranges of a compiled network's inputs.

    Args:
        report: of the compilation.
        source: arrays, .npy or .npz; int8 values are taken as the reals they stand for.
        limit: of the bytes of an array.

    Raises:
        InputFileError: the file cannot be read, or its arrays do not fit the inputs.
    """
    reals = load_reals(report, source, limit)
    return tuple(_measure(port, reals[port.name]) for port in report.inputs)


def _measure(port: PortReport, values: NDArray[np.float32]) -> InputRange:
    values = preprocess(port.preprocessing, values)
    low, high = (port.scale * (end - port.zero_point) for end in (-128, 127))
    # What rounds to the last step is still inside.
    outside = (values < low - port.scale / 2) | (values > high + port.scale / 2)
    ends = np.clip([float(values.min()), float(values.max())], low, high)
    share = float(ends[1] - ends[0]) / (high - low)
    return InputRange(port.name, low, high, float(outside.mean()), share)


def describe(ranges: Sequence[InputRange]) -> tuple[str, ...]:
    """A line for each input, and a hint where its samples look strange."""
    lines = [
        f"input {each.name}: {each.outside:.2%} of the values are outside the calibrated range "
        f"{each.low:.4g} to {each.high:.4g}, {each.used:.1%} of the range is used"
        for each in ranges
    ]
    if any(each.is_strange for each in ranges):
        lines.append(
            "These inputs do not look like those of the calibration: are both prepared as in "
            "training?"
        )
    return tuple(lines)
