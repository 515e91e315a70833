"""Whose code an address of a program is, from the debug information (DWARF) of the network.

Optimized code keeps few functions apart: steps become part of the run function, kernels are
cloned. Debug information says of every address which functions it was made of, and does not change
the code.
"""

import itertools
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from elftools.dwarf.die import DIE
from elftools.dwarf.dwarfinfo import DWARFInfo
from elftools.dwarf.ranges import BaseAddressEntry
from elftools.elf.elffile import ELFFile

_CODE = ("DW_TAG_subprogram", "DW_TAG_inlined_subroutine")
_MOST_ORIGINS = 5  # an inlined clone refers to its origin, which refers to its declaration


@dataclass(frozen=True)
class CodeRange:
    """Addresses [start, end) of a program.

    Attributes:
        start: first address.
        end: first address after it.
        owner: the innermost of the functions asked for as owners that the code is part of; empty
            for none.
        kernel: likewise of the kernels.
        function: address of the function that the code was put into, a clone perhaps.
    """

    start: int
    end: int
    owner: str
    kernel: str
    function: int


@dataclass(frozen=True)
class CodeMap:
    """The code of a network in a program.

    Attributes:
        ranges: by address, without overlaps; code of neither owners nor kernels is left out.
        calls: from the address of a call to that of what is called.
    """

    ranges: tuple[CodeRange, ...]
    calls: dict[int, int]

    def at(self, address: int) -> CodeRange | None:
        """The range that an address lies in."""
        return next((r for r in self.ranges if r.start <= address < r.end), None)


def read_code_map(path: Path, owners: Collection[str], kernels: Collection[str]) -> CodeMap:
    """Read a program that was built with debug information.

    Args:
        path: the program.
        owners: functions whose code is told apart; code within a kernel within them is theirs.
        kernels: functions that are told apart within owners and outside of them.
    """
    with path.open("rb") as file:
        elf = ELFFile(file)
        text = elf.get_section_by_name(".text")
        assert text is not None, "programs have code"
        origin, data = text["sh_addr"], text.data()
        reader = _Reader(elf.get_dwarf_info(), frozenset(owners), frozenset(kernels))
        paint: list[CodeRange | None] = [None] * (len(data) // 2)
        for span in reader.spans():
            # Debug information of functions that were linked away speaks of addresses near 0.
            first, last = max(0, span.start - origin) // 2, max(0, span.end - origin) // 2
            paint[first:last] = [span] * len(paint[first:last])
        calls = {
            at: target
            for after in reader.call_ends
            for at, target in [_called(data, origin, after)]
            if target is not None
        }
    return CodeMap(tuple(_runs(paint, origin)), calls)


def _runs(paint: list[CodeRange | None], origin: int) -> Iterator[CodeRange]:
    """Joins halfwords of the same function, owner and kernel."""
    start = origin
    for key, group in itertools.groupby(paint, _key):
        end = start + 2 * len(list(group))
        if key is not None:
            yield CodeRange(start, end, *key)
        start = end


def _key(span: CodeRange | None) -> tuple[str, str, int] | None:
    return None if span is None else (span.owner, span.kernel, span.function)


def _called(data: bytes, origin: int, after: int) -> tuple[int, int | None]:
    """Address of the call that ends at `after`, and where BL or B.W goes; None for other calls."""
    at = after - 4
    high = int.from_bytes(data[at - origin : at - origin + 2], "little")
    low = int.from_bytes(data[at - origin + 2 : at - origin + 4], "little")
    if high >> 11 != 0b11110 or low & 0x9000 != 0x9000:
        return at, None
    sign = high >> 10 & 1
    i1, i2 = (1 - ((low >> bit & 1) ^ sign) for bit in (13, 11))
    offset = sign << 24 | i1 << 23 | i2 << 22 | (high & 0x3FF) << 12 | (low & 0x7FF) << 1
    return at, after + offset - (sign << 25)


class _Reader:
    """Walks the debug information; outer functions come before what was inlined into them."""

    def __init__(self, dwarf: DWARFInfo, owners: Collection[str], kernels: Collection[str]) -> None:
        self._dwarf = dwarf
        self._lists = dwarf.range_lists()
        self._owners = owners
        self._kernels = kernels
        self.call_ends: list[int] = []

    def spans(self) -> Iterator[CodeRange]:
        """Yields spans; later ones lie within earlier ones."""
        for unit in self._dwarf.iter_CUs():
            top = unit.get_top_DIE()
            base = _number(top, "DW_AT_low_pc")
            yield from self._walk(top, base, CodeRange(0, 0, "", "", 0))

    def _walk(self, die: DIE, base: int, outer: CodeRange) -> Iterator[CodeRange]:
        if die.tag in _CODE:
            outer = self._labelled(die, outer)
            if outer.owner or outer.kernel:
                spans = self._spans(die, base)
                yield from (replace(outer, start=start, end=end) for start, end in spans)
        elif die.tag == "DW_TAG_call_site" and "DW_AT_call_return_pc" in die.attributes:
            self.call_ends.append(_number(die, "DW_AT_call_return_pc"))
        for child in die.iter_children():
            yield from self._walk(child, base, outer)

    def _labelled(self, die: DIE, outer: CodeRange) -> CodeRange:
        """The labels of a function's code within the code of another."""
        name = _name(die)
        function = outer.function
        if die.tag == "DW_TAG_subprogram":
            function = _number(die, "DW_AT_low_pc")
        if name in self._owners:
            return CodeRange(0, 0, name, "", function)
        kernel = name if name in self._kernels else outer.kernel
        return CodeRange(0, 0, outer.owner, kernel, function)

    def _spans(self, die: DIE, base: int) -> Iterator[tuple[int, int]]:
        if "DW_AT_high_pc" in die.attributes:
            low = _number(die, "DW_AT_low_pc")
            yield low, low + _number(die, "DW_AT_high_pc")
        elif "DW_AT_ranges" in die.attributes and self._lists is not None:
            found = self._lists.get_range_list_at_offset(_number(die, "DW_AT_ranges"), die.cu)
            for entry in found:
                if isinstance(entry, BaseAddressEntry):
                    base = entry.base_address
                else:
                    start = 0 if entry.is_absolute else base
                    yield start + entry.begin_offset, start + entry.end_offset


def _number(die: DIE, attribute: str) -> int:
    value = die.attributes[attribute].value if attribute in die.attributes else 0
    return value if isinstance(value, int) else 0


def _name(die: DIE) -> str:
    for _ in range(_MOST_ORIGINS):
        if "DW_AT_name" in die.attributes:
            value = die.attributes["DW_AT_name"].value
            return value.decode() if isinstance(value, bytes) else ""
        if "DW_AT_abstract_origin" not in die.attributes:
            break
        die = die.get_DIE_from_attribute("DW_AT_abstract_origin")
    return ""
