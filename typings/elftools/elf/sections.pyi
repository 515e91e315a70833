from typing import Literal, overload

class Section:
    name: str
    @overload
    def __getitem__(self, name: Literal["sh_type"]) -> str: ...
    @overload
    def __getitem__(self, name: Literal["sh_flags", "sh_size", "sh_addr"]) -> int: ...

class Symbol:
    name: str
    def __getitem__(self, name: Literal["st_value", "st_size"]) -> int: ...

class SymbolTableSection(Section):
    def get_symbol_by_name(self, name: str) -> list[Symbol] | None: ...
