from collections.abc import Iterator, Mapping

class AttributeValue:
    @property
    def value(self) -> int | bytes: ...

class DIE:
    tag: str
    cu: CompileUnit
    attributes: Mapping[str, AttributeValue]
    def iter_children(self) -> Iterator[DIE]: ...
    def get_DIE_from_attribute(self, name: str) -> DIE: ...

class CompileUnit:
    def get_top_DIE(self) -> DIE: ...
