"""The structure and the function of runtime_c/ behind each kernel family."""

from collections.abc import Mapping
from typing import NamedTuple

from mcucc.kernels import Family, Kernel, Shape, Unit


class _Algorithm(NamedTuple):
    """Stems of the names of structure and function.

    Attributes:
        structure: `mcucc_<structure>_t` holds a layer's numbers.
        function: `mcucc_<function>` is what the kernel calls.
        constants: arguments that this family fixes, before those of window and class.
    """

    structure: str
    function: str
    constants: tuple[str, ...] = ()


_ALGORITHMS: Mapping[Family, _Algorithm] = {
    Family.CONV: _Algorithm("conv", "conv"),
    Family.CONV_GROUPED: _Algorithm("conv_grouped", "conv_grouped"),
    Family.DEPTHWISE: _Algorithm("depthwise", "depthwise"),
    Family.DEPTHWISE_MULTIPLIED: _Algorithm("depthwise", "depthwise_multiplied"),
    Family.POINTWISE: _Algorithm("pointwise", "pointwise"),
    Family.DENSE: _Algorithm("pointwise", "pointwise_pixel"),
    Family.ADD: _Algorithm("add", "add", ("1",)),
    Family.SUB: _Algorithm("add", "add", ("-1",)),
    Family.MUL: _Algorithm("mul", "mul"),
    Family.MUL_CHANNELS: _Algorithm("mul", "mul_channels"),
    Family.RESCALE: _Algorithm("rescale", "rescale"),
    Family.LOOKUP: _Algorithm("lookup", "lookup"),
    Family.AVERAGE_POOL: _Algorithm("average_pool", "average_pool"),
    Family.MAX_POOL: _Algorithm("max_pool", "max_pool"),
    Family.MEAN: _Algorithm("mean", "mean"),
    Family.SOFTMAX: _Algorithm("softmax", "softmax"),
    Family.PAD: _Algorithm("pad", "pad"),
    Family.CONCAT: _Algorithm("concat", "concat"),
    Family.RESIZE: _Algorithm("resize", "resize"),
    Family.TRANSPOSE: _Algorithm("transpose", "transpose"),
    Family.SLICE: _Algorithm("transpose", "transpose"),
    Family.MEAN_ROWS: _Algorithm("mean_rows", "mean_rows"),
    Family.AVERAGE_ROWS: _Algorithm("average_rows", "average_rows"),
}

LEAVES_PADDING_OUT = frozenset({Family.AVERAGE_POOL, Family.MAX_POOL, Family.PAD, Family.RESIZE})
"""Window kernels that take NULL for a row of padding."""

_WITH_SCRATCH = frozenset(
    {(Family.CONV, Unit.DSP), (Family.CONV, Unit.MVE), (Family.POINTWISE, Unit.MVE)}
)
"""Kernels that take scratch, though not every layer of theirs needs any."""

_WITH_MULTIPLE = frozenset(
    {(family, Unit.DSP) for family in (Family.CONV, Family.POINTWISE, Family.DENSE)}
)
"""Kernels that are made for numbers of input channels."""

_TELLS_CLAMPING = frozenset(
    {
        Family.CONV,
        Family.DEPTHWISE,
        Family.DEPTHWISE_MULTIPLIED,
        Family.POINTWISE,
        Family.DENSE,
    }
)
"""Families whose kernels, of any unit, have a version for outputs that saturate."""

_NEVER_DILATED = frozenset({Family.AVERAGE_POOL, Family.MAX_POOL})


def kernel_ctype(kernel: Kernel) -> str:
    """The C structure that a kernel reads."""
    return f"mcucc_{_ALGORITHMS[kernel.family].structure}{_suffix(kernel)}_t"


def _suffix(kernel: Kernel) -> str:
    return "" if kernel.unit is Unit.PORTABLE else f"_{kernel.unit}"


def kernel_body(kernel: Kernel) -> str:
    """The C statement that calls the kernel's algorithm with its constants."""
    algorithm = _ALGORITHMS[kernel.family]
    if kernel.shape is Shape.TENSOR:
        arguments = ["p", "in", "out"]
    elif kernel.shape is Shape.REDUCTION:
        arguments = ["p", "row", "y", "out", "sums"]
    else:
        arguments = ["p", "rows", "x_begin", "x_end", "out", "out_stride"]
    if kernel.pairs or (kernel.family, kernel.unit) in _WITH_SCRATCH:
        arguments.append("scratch")
    arguments += [*algorithm.constants, *_window_arguments(kernel)]
    if (kernel.family, kernel.unit) in _WITH_MULTIPLE:
        arguments.append(str(kernel.multiple))
    if kernel.requant is not None:
        arguments.append(f"MCUCC_{kernel.requant.name}")
    if kernel.family in _TELLS_CLAMPING and kernel.unit is not Unit.MVE:
        arguments.append(str(int(kernel.clamps)))
    pairs = "_pairs" if kernel.pairs else ""
    return f"mcucc_{algorithm.function}{pairs}{_suffix(kernel)}({', '.join(arguments)});"


def _window_arguments(kernel: Kernel) -> list[str]:
    window = kernel.window
    if window is None:
        return []
    numbers = [window.kh, window.kw, window.stride]
    if kernel.family not in _NEVER_DILATED:
        numbers.append(window.dilation)
    return [str(number) for number in numbers]
