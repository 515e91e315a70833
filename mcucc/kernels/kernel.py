"""What a kernel is: an operator's C code with its window and requantization class fixed.

The name says it all, by this grammar (docs/kernel-names.md):

    name   = family "_s8" [ "_" window ] [ "_" class ] [ variant ] [ "_" unit ]
    family = "conv" | "convg" | "dw" | "dwm" | "pw" | "fc" | "add" | "sub" | "mul" | "mulc"
           | "rescale" | "lookup" | "avgpool" | "maxpool" | "mean" | "softmax" | "pad" | "concat"
           | "resize" | "transpose" | "slice" | "meanrows" | "avgrows"
    window = "k" KH "x" KW "s" STRIDE [ "d" DILATION ]     (stride and dilation along the row)
    class  = "fast" | "wide" | "general"
    variant = [ "_clamp" ] [ "_x" MULTIPLE ] [ "_pairs" ]
    unit   = "thumb1" | "dsp" | "mve"
"""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mcucc.errors import InvariantError
from mcucc.reference.fixed_point import RequantClass


class Family(enum.StrEnum):
    """The kernel families; the value is the first part of the name."""

    CONV = "conv"
    CONV_GROUPED = "convg"
    DEPTHWISE = "dw"
    DEPTHWISE_MULTIPLIED = "dwm"
    POINTWISE = "pw"
    DENSE = "fc"
    ADD = "add"
    SUB = "sub"
    MUL = "mul"
    MUL_CHANNELS = "mulc"
    RESCALE = "rescale"
    LOOKUP = "lookup"
    AVERAGE_POOL = "avgpool"
    MAX_POOL = "maxpool"
    MEAN = "mean"
    SOFTMAX = "softmax"
    PAD = "pad"
    CONCAT = "concat"
    RESIZE = "resize"
    TRANSPOSE = "transpose"
    SLICE = "slice"
    MEAN_ROWS = "meanrows"
    AVERAGE_ROWS = "avgrows"


class Shape(enum.Enum):
    """How a kernel is called, and so how the schedule may cut its work."""

    WINDOW = enum.auto()
    """Makes a run of pixels of one output row from several input rows."""
    PIXELS = enum.auto()
    """Makes each output pixel from the pixels at the same place of one or several inputs: any run,
    up to a map."""
    TENSOR = enum.auto()
    """Makes the whole output from the whole input."""
    REDUCTION = enum.auto()
    """Takes the rows of its input one by one and makes its output with the last of them."""


class Access(enum.Enum):
    """In which order a kernel reads its inputs and writes its output.

    It says how close behind the last read of a dying input the output may be written.
    """

    ELEMENT = enum.auto()
    """Element i of the output is written after the last read of element i of the first input."""
    PIXEL = enum.auto()
    """Nothing of the window of a pixel is read after the next pixel's first byte was written."""
    WHOLE = enum.auto()
    """Any byte of the input may be read after any byte of the output was written."""


class Unit(enum.StrEnum):
    """Which instructions a kernel is written for; the value is the last part of its name.

    Those of the units beyond plain C have portable twins: their kernels run anywhere, only slower.
    """

    PORTABLE = ""
    THUMB1 = "thumb1"
    """16-bit Thumb instructions only: Cortex-M0 and M0+."""
    DSP = "dsp"
    """SIMD within 32-bit words: Cortex-M4, M7, M33."""
    MVE = "mve"
    """The M-profile vector extension, Helium: Cortex-M55."""


@dataclass(frozen=True)
class _FamilyFacts:
    shape: Shape
    access: Access
    header: str


_FACTS: Mapping[Family, _FamilyFacts] = {
    Family.CONV: _FamilyFacts(Shape.WINDOW, Access.PIXEL, "mcucc_conv.h"),
    Family.CONV_GROUPED: _FamilyFacts(Shape.WINDOW, Access.PIXEL, "mcucc_conv_grouped.h"),
    Family.DEPTHWISE: _FamilyFacts(Shape.WINDOW, Access.PIXEL, "mcucc_depthwise.h"),
    Family.DEPTHWISE_MULTIPLIED: _FamilyFacts(Shape.WINDOW, Access.PIXEL, "mcucc_depthwise.h"),
    Family.POINTWISE: _FamilyFacts(Shape.PIXELS, Access.PIXEL, "mcucc_pointwise.h"),
    Family.DENSE: _FamilyFacts(Shape.TENSOR, Access.WHOLE, "mcucc_pointwise.h"),
    Family.ADD: _FamilyFacts(Shape.PIXELS, Access.ELEMENT, "mcucc_add.h"),
    Family.SUB: _FamilyFacts(Shape.PIXELS, Access.ELEMENT, "mcucc_add.h"),
    Family.MUL: _FamilyFacts(Shape.PIXELS, Access.ELEMENT, "mcucc_mul.h"),
    Family.MUL_CHANNELS: _FamilyFacts(Shape.PIXELS, Access.ELEMENT, "mcucc_mul.h"),
    Family.RESCALE: _FamilyFacts(Shape.PIXELS, Access.ELEMENT, "mcucc_rescale.h"),
    Family.LOOKUP: _FamilyFacts(Shape.PIXELS, Access.ELEMENT, "mcucc_lookup.h"),
    Family.AVERAGE_POOL: _FamilyFacts(Shape.WINDOW, Access.PIXEL, "mcucc_average_pool.h"),
    Family.MAX_POOL: _FamilyFacts(Shape.WINDOW, Access.PIXEL, "mcucc_max_pool.h"),
    Family.MEAN: _FamilyFacts(Shape.TENSOR, Access.WHOLE, "mcucc_mean.h"),
    Family.SOFTMAX: _FamilyFacts(Shape.TENSOR, Access.ELEMENT, "mcucc_softmax.h"),
    Family.PAD: _FamilyFacts(Shape.WINDOW, Access.PIXEL, "mcucc_pad.h"),
    Family.CONCAT: _FamilyFacts(Shape.PIXELS, Access.PIXEL, "mcucc_concat.h"),
    Family.RESIZE: _FamilyFacts(Shape.WINDOW, Access.PIXEL, "mcucc_resize.h"),
    Family.TRANSPOSE: _FamilyFacts(Shape.TENSOR, Access.WHOLE, "mcucc_transpose.h"),
    Family.SLICE: _FamilyFacts(Shape.TENSOR, Access.WHOLE, "mcucc_transpose.h"),
    Family.MEAN_ROWS: _FamilyFacts(Shape.REDUCTION, Access.WHOLE, "mcucc_mean_rows.h"),
    Family.AVERAGE_ROWS: _FamilyFacts(Shape.REDUCTION, Access.WHOLE, "mcucc_average_rows.h"),
}


@dataclass(frozen=True)
class Window:
    """The constants of a window: rows and columns of taps, and steps along the row."""

    kh: int
    kw: int
    stride: int = 1
    dilation: int = 1

    def __str__(self) -> str:
        dilation = f"d{self.dilation}" if self.dilation != 1 else ""
        return f"k{self.kh}x{self.kw}s{self.stride}{dilation}"


@dataclass(frozen=True)
class Kernel:
    """A kernel; equal kernels are rendered once.

    Attributes:
        family: which algorithm.
        window: for families with a window.
        requant: the weakest class of its channels, for families that have a version per class.
        clamps: whether a fused activation narrows the int8 range of its outputs; only convolutions
            and dense layers tell the two apart, without those in groups.
        multiple: what the input channels are a multiple of: 1, 4 or 8; only kernels of a unit tell
            these apart.
        pairs: whether it makes two pixels at a time, from inputs that it widens into scratch first.
        unit: the instructions that it is written for.
        scratch_bytes: bytes of arena that it needs while it runs. They depend on the layer, so that
            kernels are equal whatever their scratch.
        without_scratch: who can do its work without any; None if it needs none itself.
    """

    family: Family
    window: Window | None = None
    requant: RequantClass | None = None
    clamps: bool = False
    multiple: int = 1
    pairs: bool = False
    unit: Unit = Unit.PORTABLE
    scratch_bytes: int = field(default=0, compare=False)
    without_scratch: "Kernel | None" = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """Its name by the grammar; a C identifier."""
        parts = [f"{self.family}_s8"]
        if self.window is not None:
            parts.append(str(self.window))
        if self.requant is not None:
            parts.append(self.requant.name.lower())
        parts += ["clamp"] * self.clamps
        if self.multiple != 1:
            parts.append(f"x{self.multiple}")
        parts += ["pairs"] * self.pairs
        if self.unit is not Unit.PORTABLE:
            parts.append(self.unit)
        return "_".join(parts)

    @property
    def lean(self) -> "Kernel":
        """The kernel that needs no scratch: itself, or another."""
        return self.without_scratch or self

    @property
    def shape(self) -> Shape:
        """How it is called."""
        return _FACTS[self.family].shape

    @property
    def access(self) -> Access:
        """In which order it reads and writes."""
        return _FACTS[self.family].access

    @property
    def header(self) -> str:
        """The file of runtime_c/ that holds its algorithm."""
        portable = _FACTS[self.family].header
        if self.unit is Unit.PORTABLE:
            return portable
        return f"{portable.removesuffix('.h')}_{self.unit}.h"


_NAME = re.compile(
    r"(?P<family>[a-z]+)_s8"
    r"(_k(?P<kh>\d+)x(?P<kw>\d+)s(?P<stride>\d+)(d(?P<dilation>\d+))?)?"
    r"(_(?P<requant>fast|wide|general))?"
    r"(?P<clamp>_clamp)?(_x(?P<multiple>\d+))?(?P<pairs>_pairs)?(_(?P<unit>thumb1|dsp|mve))?"
)


def parse_kernel(name: str) -> Kernel:
    """The kernel with this name.

    Raises:
        InvariantError: the name does not follow the grammar.
    """
    found = _NAME.fullmatch(name)
    if found is None or found["family"] not in set(Family):
        raise InvariantError(f"'{name}' is no kernel name")
    window = None
    if found["kh"] is not None:
        numbers = (found["kh"], found["kw"], found["stride"], found["dilation"] or "1")
        window = Window(*(int(number) for number in numbers))
    requant = RequantClass[found["requant"].upper()] if found["requant"] else None
    return Kernel(
        Family(found["family"]),
        window,
        requant,
        clamps=found["clamp"] is not None,
        multiple=int(found["multiple"] or "1"),
        pairs=found["pairs"] is not None,
        unit=Unit(found["unit"] or ""),
    )
