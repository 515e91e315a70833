"""What building and running must know of a compiled network."""

from dataclasses import dataclass

from mcucc.codegen.preprocessing import PreprocessingCode
from mcucc.codegen.program import Io, run_function
from mcucc.errors import InvariantError

ByteRange = tuple[int, int]
"""Bytes [first, second) of the arena."""


@dataclass(frozen=True)
class TensorInfo:
    """An int8 tensor that the trace hook reports.

    Attributes:
        id: the number that the generated code passes to the hook, at least 0.
        name: its name in error messages.
        h: rows.
        w: pixels in a row.
        c: channels, the bytes of a pixel.
    """

    id: int
    name: str
    h: int
    w: int
    c: int


@dataclass(frozen=True)
class Network:
    """The interface of the generated code in a directory.

    Attributes:
        name: prefix of its files and symbols, lower case.
        inputs: bytes of each input.
        outputs: bytes of each output.
        arena_bytes: `<NAME>_ARENA_BYTES`.
        arena_align: `<NAME>_ARENA_ALIGN`, a power of two.
        tensors: the tensors that are traced; ids are unique.
        dead_ranges: for each step, the parts of the arena that no buffer owns while it runs.
        row_bytes: of the one input of the one input, where the caller hands them over one by one;
            None where inputs lie in the arena.
        pixel_bytes: of that input, where the caller hands over any pixels of it; else None.
        state_bytes: of the arena's first bytes, which runs hand on; 0 for a network without states.
        io: what the interface takes and gives. Samples for the harness are int8 in any case.
        preprocessing: of each input, which a float interface does; none for all if empty.
        indices: the outputs that are int32 numbers, of which runs give the bytes.
    """

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    arena_bytes: int
    arena_align: int
    tensors: tuple[TensorInfo, ...] = ()
    dead_ranges: tuple[tuple[ByteRange, ...], ...] = ()
    io: Io = "int8"
    row_bytes: int | None = None
    pixel_bytes: int | None = None
    state_bytes: int = 0
    preprocessing: tuple[PreprocessingCode, ...] = ()
    indices: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.inputs or not self.outputs:
            raise InvariantError(f"network {self.name} needs at least one input and one output")
        if len({tensor.id for tensor in self.tensors}) != len(self.tensors):
            raise InvariantError(f"network {self.name} has two tensors of one id")
        for start, end in (span for step in self.dead_ranges for span in step):
            if not 0 <= start < end <= self.arena_bytes:
                raise InvariantError(f"dead bytes [{start}, {end}) do not lie in the arena")

    @property
    def macro_prefix(self) -> str:
        """What the names of the header's macros begin with."""
        return self.name.upper()

    @property
    def sample_bytes(self) -> int:
        """Bytes of all inputs of one sample."""
        return sum(self.inputs)

    @property
    def entry(self) -> str:
        """The function that a caller spends the most stack on."""
        if self.row_bytes is None and self.io == "float":
            return f"{self.name}_run_float"
        outside, elsewhere = self.row_bytes is not None, self.pixel_bytes is not None
        return f"{self.name}_{run_function(streamed=outside, elsewhere=elsewhere)}"

    def channels_by_id(self) -> tuple[int, ...]:
        """Channels of each tensor, indexed by id; 0 where there is no such tensor."""
        channels = {tensor.id: tensor.c for tensor in self.tensors}
        return tuple(channels.get(i, 0) for i in range(max(channels, default=0) + 1))
