"""What layers and segments are printed with: tensors, bytes to work in, rows of windows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TensorRef:
    """A tensor in the arena, seen as rows of pixels of channels.

    Attributes:
        id: number under which the trace hook reports it.
        name: in the graph.
        ident: its name in C.
        offset: bytes from the start of the arena.
        rows: how many of its rows are held at a time.
        pixels_held: how many of its pixels are, where not even a row is; else None.
        columns: how many pixels of each of these rows are held: fewer than all in strips.
        steps: first and last step in which it is live.
    """

    id: int
    name: str
    ident: str
    offset: int
    rows: int
    pixels_held: int | None
    h: int
    w: int
    c: int
    steps: tuple[int, int]
    columns: int

    @property
    def at(self) -> str:
        """The C constant that holds its offset."""
        return f"AT_{self.ident.upper()}"

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return self.w * self.c

    @property
    def nbytes(self) -> int:
        """Bytes of the tensor."""
        return self.h * self.row_bytes

    @property
    def pixels(self) -> int:
        """Pixels of the whole map."""
        return self.h * self.w

    @property
    def size_text(self) -> str:
        """Its size for a reader: 25x5x64, or 12 for a vector."""
        return str(self.c) if self.h == self.w == 1 else f"{self.h}x{self.w}x{self.c}"

    @property
    def held_text(self) -> str:
        """Its size, and what part of it is held."""
        held = "" if self.rows == self.h else f", {self.rows} rows held"
        if self.columns != self.w:
            held = f", {self.rows} rows of {self.columns} pixels held"
        if self.pixels_held is not None:
            held = f", {self.pixels_held} pixels held"
        return f"{self.size_text}{held}"


@dataclass(frozen=True)
class Workspace:
    """Bytes of the arena that a step needs beside tensors, for the time that it runs.

    Attributes:
        at: the C constant that holds its offset.
        offset: bytes from the start of the arena.
        nbytes: how many.
        holds: what for, for a reader.
    """

    at: str
    offset: int
    nbytes: int
    holds: str

    @property
    def pointer(self) -> str:
        """C expression of its first byte."""
        return f"&arena[{self.at}]"


@dataclass(frozen=True)
class WindowRows:
    """How a window kernel finds its input rows for output row y.

    Attributes:
        taps: rows of the window.
        first_row: C expression of the window's first row.
        dilation: rows between taps.
        pad: name of a row of padding, or NULL for kernels that leave padding out.
    """

    taps: int
    first_row: str
    dilation: int
    pad: str
