"""An arena in which every byte knows what it holds, for `replay`.

A byte is stamped by whoever writes it with the tensor and the byte of that tensor; who reads a byte
says what it must be. Counters and scratch are stamped like tensors.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcucc.kernels import Access

Bytes = NDArray[np.int64]
"""A number for each byte of a run."""

MOST_FAULTS = 20
"""Where one byte is wrong, many are; nobody reads on after these."""

_SPAN = 1 << 40
"""Stamps of a tensor: its number times this, plus the byte within it."""


@dataclass(frozen=True)
class LostBytes:
    """A reader does not find what it reads.

    Attributes:
        step: number of the step; the number of steps after the last of them.
        reader: what looks for the bytes: the name of a node, or what is being checked.
        tensor: what it looks for.
        row: the row of that, 0 for counters and scratch.
        byte: the first wrong byte, from the start of the arena.
        found: what holds this byte instead.
        found_row: the row of that; None where it has no rows.
    """

    step: int
    reader: str
    tensor: str
    row: int
    byte: int
    found: str
    found_row: int | None

    def __str__(self) -> str:
        found = self.found if self.found_row is None else f"row {self.found_row} of '{self.found}'"
        return (
            f"step {self.step}, {self.reader}: row {self.row} of '{self.tensor}' is not there, "
            f"byte {self.byte} of the arena holds {found}"
        )


@dataclass(frozen=True)
class WrongReport:
    """The plan says something that the replay contradicts.

    Attributes:
        step: number of the step, None if it is about the whole run.
        detail: a sentence.
    """

    step: int | None
    detail: str

    def __str__(self) -> str:
        return self.detail if self.step is None else f"step {self.step}: {self.detail}"


ReplayFault = LostBytes | WrongReport


class TooManyFaultsError(Exception):
    """There are `MOST_FAULTS`; the replay ends."""


@dataclass(frozen=True)
class Run:
    """Bytes of a tensor and where they lie.

    Attributes:
        tensor: number of the tensor in the arena's books.
        begin: the first byte within the tensor.
        count: how many.
        address: of the first, from the start of the arena.
    """

    tensor: int
    begin: int
    count: int
    address: int

    @property
    def end(self) -> int:
        """One more than the last address."""
        return self.address + self.count


@dataclass(frozen=True)
class _Owner:
    title: str
    row_bytes: int | None


class Shadow:
    """The stamps, and the faults found so far.

    Attributes:
        faults: in the order in which they were found.
        touched: for each byte whether it was read or written since `next_step`.
    """

    def __init__(self, size: int) -> None:
        self.faults: list[ReplayFault] = []
        self.touched = np.zeros(size, dtype=np.bool_)
        self._cells = np.zeros(size, dtype=np.int64)
        self._owners = [_Owner("nothing that was ever written", None)]
        self._step = 0

    def add(self, title: str, row_bytes: int | None) -> int:
        """Enters a tensor, or what has no rows, into the books; returns its number."""
        self._owners.append(_Owner(title, row_bytes))
        return len(self._owners) - 1

    def next_step(self, step: int) -> None:
        """From now on faults belong to this step, and nothing is touched."""
        self._step = step
        self.touched[:] = False

    def wrong(self, detail: str, *, in_step: bool = True) -> None:
        """A fault in what the plan reports."""
        self._fault(WrongReport(self._step if in_step else None, detail))

    def write(self, run: Run, writer: str) -> None:
        """Stamps bytes."""
        if self._touch(run, writer):
            self._cells[run.address : run.end] = _stamps(run)

    def read(self, run: Run, reader: str, wanted: NDArray[np.bool_] | None = None) -> None:
        """Bytes must be what they are said to be; those that are not wanted may be anything."""
        if not self._touch(run, reader):
            return
        wrong = self._cells[run.address : run.end] != _stamps(run)
        if wanted is not None:
            wrong &= wanted
        if wrong.any():
            first = int(wrong.argmax())
            self._lost(run, reader, first, int(self._cells[run.address + first]))

    def read_in_time(
        self, run: Run, reader: str, last: Bytes, written: Run, access: Access, pixel_bytes: int
    ) -> None:
        """What a kernel reads must be read before the same call writes over it.

        Args:
            run: what is read.
            reader: name of the node.
            last: for each byte of `run` the last moment at which it is read, below 0 if never. A
                moment is the number of the output pixel that is being made, of the output element
                for `Access.ELEMENT`.
            written: what the call writes, in ascending order.
            access: how close to its reads the call writes.
            pixel_bytes: bytes of a pixel of `written`.
        """
        low, high = max(run.address, written.address), min(run.end, written.end)
        if low >= high:
            return
        last = last[low - run.address : high - run.address]
        element = np.arange(low, high) - written.address
        match access:
            case Access.ELEMENT:
                late = last > element
            case Access.PIXEL:
                late = last >= element // pixel_bytes
            case Access.WHOLE:
                late = np.ones_like(last, dtype=np.bool_)
        late &= last >= 0
        if late.any():
            address = low + int(late.argmax())
            stamp = int(_stamps(written)[address - written.address])
            self._lost(run, reader, address - run.address, stamp)

    def count_touched(self) -> int:
        """How many bytes were read or written since `next_step`."""
        return int(np.count_nonzero(self.touched))

    def touched_in(self, ranges: Iterable[tuple[int, int]]) -> Iterator[int]:
        """For each range of addresses with a touched byte the first of these."""
        for begin, end in ranges:
            touched = self.touched[begin:end]
            if touched.any():
                yield begin + int(touched.argmax())

    def _touch(self, run: Run, who: str) -> bool:
        """Notes that bytes are used; False if they are not inside of the arena."""
        if run.address < 0 or run.end > len(self._cells):
            title = self._owners[run.tensor].title
            self.wrong(f"{who} uses bytes {run.address} to {run.end} for '{title}': no such bytes")
            return False
        self.touched[run.address : run.end] = True
        return True

    def _lost(self, run: Run, reader: str, index: int, stamp: int) -> None:
        owner = self._owners[run.tensor]
        other = self._owners[stamp // _SPAN]
        self._fault(
            LostBytes(
                step=self._step,
                reader=reader,
                tensor=owner.title,
                row=0 if owner.row_bytes is None else (run.begin + index) // owner.row_bytes,
                byte=run.address + index,
                found=other.title,
                found_row=None if other.row_bytes is None else stamp % _SPAN // other.row_bytes,
            )
        )

    def _fault(self, fault: ReplayFault) -> None:
        self.faults.append(fault)
        if len(self.faults) >= MOST_FAULTS:
            raise TooManyFaultsError


def _stamps(run: Run) -> Bytes:
    first = run.tensor * _SPAN + run.begin
    return np.arange(first, first + run.count, dtype=np.int64)
