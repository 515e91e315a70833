"""What a kernel is: an operator's C code with its window and requantization class fixed.

The name says it all, by this grammar (docs/kernel-names.md):

    name   = family "_s8" [ "_" window ] [ "_" class ] [ variant ] [ "_" unit ]
    family = the name of a `Family`, in lower-case letters
    window = "k" KH "x" KW "s" STRIDE [ "d" DILATION ]     (stride and dilation along the row)
    class  = "fast" | "wide" | "general"
    variant = [ "_clamp" ] [ "_x" MULTIPLE ] [ "_pairs" ] [ "_" OWN ]   (a `Variant`'s own name)
    unit   = "thumb1" | "dsp" | "mve"
"""

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from mcucc.reference.fixed_point import RequantClass


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


_ARGUMENTS: Mapping[Shape, tuple[str, ...]] = MappingProxyType(
    {
        Shape.WINDOW: ("p", "rows", "x_begin", "x_end", "out", "out_stride"),
        Shape.PIXELS: ("p", "rows", "x_begin", "x_end", "out", "out_stride"),
        Shape.TENSOR: ("p", "in", "out"),
        Shape.REDUCTION: ("p", "row", "y", "out", "sums"),
    }
)
"""What every kernel of a shape hands on to its algorithm."""


@dataclass(frozen=True, eq=False)
class Variant:
    """Another algorithm of a family for a unit, which takes some of the layers that the unit takes.

    Its header is `mcucc_<header>_<name>_<unit>.h`, with the family's header, in plain C without the
    unit; function and structure are named after it. Beyond what it says here it is called and it
    behaves as its family does.

    Attributes:
        name: what kernels' names have of it: lower-case letters, no word of the grammar.
        unit: the only one that has it.
        keeps_taps: whether it keeps a pointer to each tap of a window on the stack.
        takes_last_fours: see `Family`.
        takes_pairs: whether it makes two pixels at a time, the last of an odd run as if two.
        takes_scratch: whether it takes scratch though the family's kernels for the unit do not.
        stack_bytes: what it holds on the stack beside what kernels of the unit do.
    """

    name: str
    unit: Unit
    keeps_taps: bool = False
    takes_last_fours: bool = False
    takes_pairs: bool = False
    takes_scratch: bool = False
    stack_bytes: int = 0


@dataclass(frozen=True, eq=False)
class Family:
    """An algorithm of runtime_c/, in plain C and perhaps for other units; there is one of each.

    Attributes:
        name: the first part of its kernels' names.
        shape: how its kernels are called.
        access: in which order they read and write.
        header: stem of the files that hold it: `mcucc_<header>.h`, `mcucc_<header>_<unit>.h`.
        structure: `mcucc_<structure>_t` holds a layer's numbers; the header's stem if empty.
        function: `mcucc_<function>` is what its kernels call; the header's stem if empty.
        constants: name and value of arguments that it fixes, before those of window and class.
        dilates: whether its windows may be dilated.
        leaves_padding_out: window kernels that take NULL for a row of padding.
        takes_row: window kernels that are told which output row they make.
        takes_columns: window kernels whose structure holds `in_w` and `pad_left`, so that a row may
            hold some columns of a map: all kernels of pixels take these.
        tells_clamping: whether its kernels have a version for outputs that saturate.
        takes_scratch: units whose kernels take scratch, though not every layer needs any.
        takes_multiple: units whose kernels are made for numbers of input channels.
        keeps_taps: units whose kernels keep a pointer to each tap of a window on the stack.
        takes_last_fours: units whose kernels make channels by fours of them, the last of which are
            the last four, even if some of these were made before.
        variants: further algorithms, each for one unit and some layers.
    """

    name: str
    shape: Shape
    access: Access
    header: str
    structure: str = ""
    function: str = ""
    constants: tuple[tuple[str, int], ...] = ()
    dilates: bool = True
    leaves_padding_out: bool = False
    takes_row: bool = False
    takes_columns: bool = False
    tells_clamping: bool = False
    takes_scratch: frozenset[Unit] = frozenset()
    takes_multiple: frozenset[Unit] = frozenset()
    keeps_taps: frozenset[Unit] = frozenset()
    takes_last_fours: frozenset[Unit] = frozenset()
    variants: tuple[Variant, ...] = ()


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
        variant: which of its family's algorithms for the unit; None for the first.
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
    variant: Variant | None = None
    scratch_bytes: int = field(default=0, compare=False)
    without_scratch: "Kernel | None" = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """Its name by the grammar; a C identifier."""
        parts = [f"{self.family.name}_s8"]
        if self.window is not None:
            parts.append(str(self.window))
        if self.requant is not None:
            parts.append(self.requant.name.lower())
        parts += ["clamp"] * self.clamps
        if self.multiple != 1:
            parts.append(f"x{self.multiple}")
        parts += ["pairs"] * self.pairs
        if self.variant is not None:
            parts.append(self.variant.name)
        if self.unit is not Unit.PORTABLE:
            parts.append(self.unit)
        return "_".join(parts)

    def on(self, unit: Unit) -> "Kernel":
        """The same work for another unit; Helium's kernels clamp at no cost, whether or not."""
        return replace(self, unit=unit, variant=None, clamps=self.clamps and unit is not Unit.MVE)

    def by(self, variant: Variant) -> "Kernel":
        """The same work by a variant, for its unit."""
        return replace(self.on(variant.unit), variant=variant)

    @property
    def scratch_free(self) -> "Kernel":
        """The kernel that needs no scratch: itself, or another."""
        return self.without_scratch or self

    def values_made(self, pixels: int, channels: int) -> int:
        """How many values a call computes for a run of pixels, those made twice counted twice.

        Args:
            pixels: of the run.
            channels: of an output pixel.
        """
        if self.pairs or (self.variant is not None and self.variant.takes_pairs):
            pixels += pixels % 2  # the last one is made as if it were two
        fours = self.unit in self.family.takes_last_fours
        if fours if self.variant is None else self.variant.takes_last_fours:
            channels += -channels % 4
        return pixels * channels

    @property
    def keeps_taps(self) -> bool:
        """Whether it keeps a pointer to each tap of its window on the stack."""
        if self.variant is not None:
            return self.variant.keeps_taps
        return self.unit in self.family.keeps_taps

    @property
    def shape(self) -> Shape:
        """How it is called."""
        return self.family.shape

    @property
    def access(self) -> Access:
        """In which order it reads and writes."""
        return self.family.access

    @property
    def header(self) -> str:
        """The file of runtime_c/ that holds its algorithm."""
        return f"mcucc_{self.family.header}{self._suffix}.h"

    @property
    def ctype(self) -> str:
        """The C structure that it reads."""
        return f"mcucc_{self.family.structure or self.family.header}{self._suffix}_t"

    @property
    def body(self) -> str:
        """The C statement that calls its algorithm with its constants."""
        pairs = "_pairs" if self.pairs else ""
        function = f"mcucc_{self.family.function or self.family.header}{pairs}{self._suffix}"
        return f"{function}({', '.join(self._arguments())});"

    def _arguments(self) -> Iterator[str]:
        for argument in _ARGUMENTS[self.shape]:
            yield argument
            if argument == "rows" and self.family.takes_row:
                yield "y"
        if self.is_given_scratch:
            yield "scratch"
        for name, number in self._constants():
            yield f"/*{name}*/ {number}"
        if self.requant is not None:
            yield f"MCUCC_{self.requant.name}"
        if self.family.tells_clamping and self.unit is not Unit.MVE:
            yield f"/*clamps*/ {int(self.clamps)}"

    def _constants(self) -> Iterator[tuple[str, int]]:
        """Names and values of the numbers that are fixed, in the order of the arguments."""
        yield from self.family.constants
        if self.window is not None:
            yield from (("kh", self.window.kh), ("kw", self.window.kw))
            yield "stride", self.window.stride
            if self.family.dilates:
                yield "dilation", self.window.dilation
        if self.unit in self.family.takes_multiple:
            yield "multiple", self.multiple

    @property
    def is_given_scratch(self) -> bool:
        """Whether its algorithm takes what may be scratch."""
        takes = self.variant is not None and self.variant.takes_scratch
        return takes or self.pairs or self.unit in self.family.takes_scratch

    @property
    def _suffix(self) -> str:
        variant = "" if self.variant is None else f"_{self.variant.name}"
        return variant if self.unit is Unit.PORTABLE else f"{variant}_{self.unit}"
