"""Reading objects and programs in ELF format (pyelftools)."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

_WRITABLE = 0x1
_ALLOCATED = 0x2
_EXECUTABLE = 0x4


@dataclass(frozen=True)
class SectionSizes:
    """Bytes of an object that take room on the target, by what they are.

    Attributes:
        code: machine code with its literals.
        constants: read-only data.
        data: writable data with initial values.
        bss: writable data without.
    """

    code: int
    constants: int
    data: int
    bss: int


def section_sizes(path: Path) -> SectionSizes:
    """Returns the sizes of one object or program, without padding between sections."""
    sizes = {"code": 0, "constants": 0, "data": 0, "bss": 0}
    with path.open("rb") as file:
        for section in ELFFile(file).iter_sections():
            flags = section["sh_flags"]
            if flags & _ALLOCATED:
                sizes[_kind(flags, section["sh_type"])] += section["sh_size"]
    return SectionSizes(**sizes)


def _kind(flags: int, section_type: str) -> str:
    if flags & _EXECUTABLE:
        return "code"
    if not flags & _WRITABLE:
        return "constants"
    return "bss" if section_type == "SHT_NOBITS" else "data"


def symbol_addresses(path: Path, names: Iterable[str]) -> dict[str, int]:
    """Returns the addresses of those of the symbols that the program has.

    The lowest bit, which marks Thumb code, is cleared: it is not part of the address.
    """
    with path.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection), "programs are built with symbols"
        found = {name: table.get_symbol_by_name(name) for name in names}
        return {name: symbols[0]["st_value"] & ~1 for name, symbols in found.items() if symbols}


def function_sizes(path: Path) -> dict[str, int]:
    """Returns the bytes of machine code of each function of an object."""
    with path.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection), "objects are built with symbols"
        symbols = [s for s in table.iter_symbols() if s["st_info"]["type"] == "STT_FUNC"]
        return {symbol.name: symbol["st_size"] for symbol in symbols}


def allocated_sections(path: Path) -> dict[str, int]:
    """Returns the bytes of each section of a program that takes room on the target, by name."""
    with path.open("rb") as file:
        sections = ELFFile(file).iter_sections()
        return {s.name: s["sh_size"] for s in sections if s["sh_flags"] & _ALLOCATED}


def object_sizes(path: Path) -> dict[str, int]:
    """Returns the bytes of each variable and constant of a program, by name."""
    with path.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection), "programs are built with symbols"
        symbols = [s for s in table.iter_symbols() if s["st_info"]["type"] == "STT_OBJECT"]
        return {symbol.name: symbol["st_size"] for symbol in symbols}
