"""The generated program as data: everything the templates print, nothing they must decide."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from mcucc.codegen.arena_refs import TensorRef, WindowRows, Workspace
from mcucc.codegen.preprocessing import PreprocessingCode
from mcucc.codegen.segment import SegmentDef
from mcucc.kernels import Kernel, Shape
from mcucc.kernels.use import ArrayDef, LayerSpec

API = 1
"""What a network's files and the headers of runtime_c/ expect of each other. Raised when files that
were made before do not fit any more."""

Io = Literal["int8", "uint8", "float", "int8->uint8", "uint8->int8"]
"""What the C interface takes and gives: int8 or uint8 values in the arena, or int8 values there
and a function that takes and gives floats beside it; with an arrow, what it takes and what it gives
in the arena."""


RUN_FUNCTIONS = ("run", "run_rows", "run_pixels")
"""What the function that runs a network may be called, without the network's name."""


def run_function(*, streamed: bool, elsewhere: bool) -> str:
    """What the function that runs a network is called, without the network's name.

    Args:
        streamed: the caller hands over the one input, and does so row by row or
        elsewhere: any pixels of it.
    """
    resident, by_rows, by_pixels = RUN_FUNCTIONS
    if elsewhere:
        return by_pixels
    return by_rows if streamed else resident


def unsigned_ports(io: Io) -> tuple[bool, bool]:
    """Whether the inputs and whether the outputs in the arena are uint8."""
    takes, _, gives = io.partition("->")
    return takes == "uint8", (gives or takes) == "uint8"


@dataclass(frozen=True)
class Element:
    """What an input or output in the arena is made of.

    Attributes:
        name: for a reader.
        ctype: C type.
        low: its smallest value.
        high: its largest value.
    """

    name: str
    ctype: str
    low: int
    high: int

    @property
    def shift(self) -> int:
        """What its values are more than those that the network computes with."""
        return 128 if self.low == 0 else 0


INT8 = Element("int8", "int8_t", -128, 127)
UINT8 = Element("uint8", "uint8_t", 0, 255)
INT32 = Element("int32", "int32_t", -(1 << 31), (1 << 31) - 1)


@dataclass(frozen=True)
class Provenance:
    """Where a program comes from; no date and no path, so that equal inputs give equal bytes."""

    version: str
    model_file: str
    model_sha256: str
    board: str
    options: str

    @property
    def number(self) -> int:
        """The version as a number that the preprocessor can compare: 1.2.3 is 1002003."""
        major, minor, patch, *_ = map(int, re.findall(r"\d+", self.version))
        return (major * 1000 + minor) * 1000 + patch


@dataclass(frozen=True)
class LayerDef:
    """A step of `run` that makes one whole tensor.

    Attributes:
        index: its number.
        node: name of the node that it computes.
        function: the C function; empty where nothing is executed.
        title: what it computes, for a reader.
        origin: the ONNX nodes it came from.
        macs: multiply-accumulates.
        kernel: None where nothing is executed.
        spec: None where nothing is executed.
        inputs: tensors it reads.
        operands: C expression of the first byte of each activation it reads; one may be a constant
            array.
        output: the tensor it makes.
        window: for window kernels.
        scratch: what its kernel works in.
    """

    index: int
    node: str
    function: str
    title: str
    origin: str
    macs: int
    kernel: Kernel | None
    spec: LayerSpec | None
    inputs: tuple[TensorRef, ...]
    operands: tuple[str, ...]
    output: TensorRef
    window: WindowRows | None = None
    scratch: Workspace | None = None

    @property
    def shape(self) -> Shape | None:
        """How its kernel is called."""
        return None if self.kernel is None else self.kernel.shape

    @property
    def headers(self) -> tuple[str, ...]:
        """Files of runtime_c/ that its own code uses."""
        return () if self.window is None else ("mcucc_window.h",)

    @property
    def workspaces(self) -> tuple[Workspace, ...]:
        """All that it needs beside tensors."""
        return () if self.scratch is None else (self.scratch,)

    @property
    def stages(self) -> tuple[()]:
        """None: it is no segment."""
        return ()

    @property
    def functions(self) -> tuple[str, ...]:
        """Its C function."""
        return (self.function,)

    @property
    def by_node(self) -> Mapping[str, str]:
        """The C function within which its node is computed."""
        return {self.node: self.function}


StepDef = LayerDef | SegmentDef


@dataclass(frozen=True)
class PortDef:
    """An input or output of the C interface.

    Attributes:
        index: its number among inputs or outputs.
        onnx_name: for a reader.
        tensor: where it lies.
        element: what it is made of.
        scale: C literal.
        zero_point: of the quantization, in values of the interface: what a macro stands for.
        image_unit: what a uint8 pixel u stands for when q = u - 128 is its int8 quantization, as
            text; empty where no common image scaling is.
        takes_pixels: whether such pixels are the input's values as they are.
        preprocessing: what the model computes of it before it quantizes it.
    """

    index: int
    onnx_name: str
    tensor: TensorRef
    element: Element
    scale: str
    zero_point: str
    image_unit: str
    takes_pixels: bool
    preprocessing: PreprocessingCode

    @property
    def is_index(self) -> bool:
        """Whether it holds int32 indices, which stand for themselves."""
        return self.element is INT32

    @property
    def channels(self) -> int:
        """Numbers of a pixel."""
        return self.tensor.c // self.size

    @property
    def size(self) -> int:
        """Bytes of a number."""
        return 4 if self.is_index else 1

    @property
    def numbers_text(self) -> str:
        """How many numbers it holds, for a reader: 25x5x64, or 12 for a vector."""
        return replace(self.tensor, c=self.channels).size_text


@dataclass(frozen=True)
class StateDef:
    """A value that runs hand on, in the block that begins the arena.

    Attributes:
        name: in the model's file.
        tensor: where it lies.
        zero_point: what stands for zero.
        array: the C array that the first run finds; empty for zero.
    """

    name: str
    tensor: TensorRef
    zero_point: int
    array: str


@dataclass(frozen=True)
class Program:
    """A whole generated network.

    Attributes:
        name: prefix of its symbols.
        provenance: where it comes from.
        io: what the C interface takes and gives.
        element: what its inputs are made of.
        output_element: what its outputs are made of.
        keep_input: whether a run leaves the inputs as they were.
        arena_bytes: size of the arena.
        arena_align: alignment of the arena, of every buffer in it and of int8_t arrays, bytes.
        inputs: of the interface.
        outputs: of the interface.
        tensors: every value in the arena.
        steps: in order.
        kernels: that the steps call.
        arrays: constants.
        arrays_of: names in C of the constant arrays of each node, by its name.
        memory_map: a drawing of the arena.
        macs: multiply-accumulates.
        shifted_first: tensors to turn from uint8 to int8 before the first step.
        shifted_last: tensors to turn back after the last one; no byte is in two of them.
        streamed: the caller hands over the one input row by row.
        elsewhere: the caller hands over any pixels of it, as often as they are needed.
        stack_bytes: that a call takes at most.
        states: what runs hand on.
        state_bytes: of the arena's first bytes, which hold them.
    """

    name: str
    provenance: Provenance
    io: Io
    element: Element
    output_element: Element
    keep_input: bool
    arena_bytes: int
    arena_align: int
    inputs: tuple[PortDef, ...]
    outputs: tuple[PortDef, ...]
    tensors: tuple[TensorRef, ...]
    steps: tuple[StepDef, ...]
    kernels: tuple[Kernel, ...]
    arrays: tuple[ArrayDef, ...]
    arrays_of: Mapping[str, tuple[str, ...]]
    memory_map: str
    macs: int
    shifted_first: tuple[TensorRef, ...]
    shifted_last: tuple[TensorRef, ...]
    streamed: bool
    stack_bytes: int
    elsewhere: bool = False
    states: tuple[StateDef, ...] = ()
    state_bytes: int = 0

    @property
    def function_of(self) -> Mapping[str, str]:
        """The C function within which each node is computed, by its name; none for reshapes."""
        return {node: name for step in self.steps for node, name in step.by_node.items()}

    @property
    def workspaces(self) -> tuple[Workspace, ...]:
        """All that steps need beside tensors, in their order."""
        return tuple(each for step in self.steps for each in step.workspaces)

    @property
    def pull(self) -> str:
        """The argument of a run that hands over the image, where it does not lie in the arena."""
        return "pull_pixels" if self.elsewhere else "pull_row"

    @property
    def run(self) -> str:
        """The C function that runs it."""
        return f"{self.name}_{run_function(streamed=self.streamed, elsewhere=self.elsewhere)}"

    @property
    def runs_on_floats(self) -> bool:
        """Whether there is `<name>_run_float`."""
        return self.io == "float"

    @property
    def api(self) -> int:
        """What its header and runtime headers compare."""
        return API

    @property
    def upper(self) -> str:
        """Prefix of macros."""
        return self.name.upper()

    @property
    def runtime_headers(self) -> tuple[str, ...]:
        """Files of runtime_c/ that the network's own files include directly, sorted.

        `<name>_weights.h` needs the types of its arrays whether a kernel does or not.
        """
        headers = {kernel.header for kernel in self.kernels}
        headers |= {header for step in self.steps for header in step.headers}
        return tuple(sorted({*headers, *self.weight_headers, "mcucc_base.h"}))

    @property
    def weight_headers(self) -> tuple[str, ...]:
        """Files of runtime_c/ that declare the types of the constant arrays, sorted."""
        return tuple(sorted({"mcucc_base.h", *(each.header for each in self.arrays)}))


@dataclass(frozen=True)
class SelfTest:
    """Recorded inputs and the outputs they must give.

    Attributes:
        samples: how many.
        inputs: initializer lines for each input port, all samples in a row.
        outputs: likewise for each output port.
    """

    samples: int
    inputs: tuple[tuple[str, ...], ...]
    outputs: tuple[tuple[str, ...], ...]


Files = Mapping[str, str]
"""File name to text."""
