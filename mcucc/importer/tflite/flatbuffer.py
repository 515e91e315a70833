"""Reads tables of a flatbuffer, every offset and length checked against the buffer.

The format: https://flatbuffers.dev/internals. A table is a position in the buffer; a signed offset
there leads back to its vtable, which holds the place of each field, 0 for one that is left out.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


class DamagedError(Exception):
    """The buffer is no flatbuffer, or is cut off or overwritten; carries what is wrong with it."""


@dataclass(frozen=True, eq=False)
class Table:
    """A table in a buffer.

    Attributes:
        data: the whole buffer.
        position: of the table.
    """

    data: bytes = field(repr=False)
    position: int

    @staticmethod
    def root(data: bytes) -> "Table":
        """The outermost table.

        Raises:
            DamagedError: the buffer holds none.
        """
        return Table(data, _unsigned(data, 0))

    def integer(self, number: int, form: str = "<i", default: int = 0) -> int:
        """A field that is an integer.

        Args:
            number: of the field in the schema.
            form: how it is stored, as `struct` says it.
            default: its value where it is left out.

        Raises:
            DamagedError: it lies outside the buffer; so do the other readers of fields.
        """
        place = self._place(number)
        return default if place is None else int(_read(form, self.data, place))

    def real(self, number: int, default: float = 0.0) -> float:
        """A field that is a float32."""
        place = self._place(number)
        return default if place is None else float(_read("<f", self.data, place))

    def table(self, number: int) -> "Table | None":
        """A field that is a table, None where it is left out."""
        place = self._place(number)
        return None if place is None else Table(self.data, _follow(self.data, place))

    def tables(self, number: int) -> "Iterator[Table]":
        """The tables of a field that is a vector of them."""
        for place in self._elements(number, 4):
            yield Table(self.data, _follow(self.data, place))

    def vector(self, number: int, dtype: str) -> NDArray[np.generic]:
        """A field that is a vector of numbers; empty where it is left out."""
        kind = np.dtype(dtype)
        places = self._elements(number, kind.itemsize)
        return np.frombuffer(self.data, kind, len(places), places.start if places else 0)

    def ints(self, number: int) -> tuple[int, ...]:
        """A field that is a vector of int32."""
        return tuple(int(value) for value in self.vector(number, "<i4"))

    def text(self, number: int) -> str:
        """A field that is a string; "" where it is left out."""
        places = self._elements(number, 1)
        try:
            return self.data[places.start : places.stop].decode()
        except UnicodeDecodeError as error:
            raise DamagedError(f"the name at byte {places.start} is not UTF-8") from error

    def _elements(self, number: int, size: int) -> range:
        """The places of the elements of a vector."""
        place = self._place(number)
        if place is None:
            return range(0)
        start = _follow(self.data, place)
        count = _unsigned(self.data, start)
        first, stop = start + 4, start + 4 + count * size
        if stop > len(self.data):
            raise DamagedError(f"the {count:,} elements at byte {start} reach past the end")
        return range(first, stop, size)

    def _place(self, number: int) -> int | None:
        """Where a field lies, None where it is left out."""
        vtable = self.position - int(_read("<i", self.data, self.position))
        size = int(_read("<H", self.data, vtable))
        slot = 4 + 2 * number
        if slot + 2 > size:
            return None
        offset = int(_read("<H", self.data, vtable + slot))
        return self.position + offset if offset else None


def _follow(data: bytes, place: int) -> int:
    """Where an offset leads."""
    return place + _unsigned(data, place)


def _unsigned(data: bytes, place: int) -> int:
    return int(_read("<I", data, place))


def _read(form: str, data: bytes, place: int) -> int | float:
    if not 0 <= place <= len(data) - struct.calcsize(form):
        raise DamagedError(f"an offset leads to byte {place:,} of {len(data):,}")
    value: int | float = struct.unpack_from(form, data, place)[0]
    return value
