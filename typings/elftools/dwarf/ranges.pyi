from elftools.dwarf.die import CompileUnit

class BaseAddressEntry:
    base_address: int

class RangeEntry:
    begin_offset: int
    end_offset: int
    is_absolute: bool

class RangeLists:
    def get_range_list_at_offset(
        self, offset: int, cu: CompileUnit
    ) -> list[BaseAddressEntry | RangeEntry]: ...
