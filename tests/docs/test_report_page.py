"""docs/report.md has a row for each key of the report; its JSON Schema is made from the types."""

import json
import re
from collections.abc import Iterator

import msgspec
import pytest
from msgspec import inspect

from mcucc.cli.printing import DOCUMENT_SCHEMA
from mcucc.ir import PreprocessingStep
from mcucc.report.model import SCHEMA, Report
from tests.cli.process import Finished, mcucc
from tests.docs.pages import DOCS, Page, rows

PAGE = Page(DOCS / "report.md")


Structure = inspect.StructType | inspect.DataclassType


def structures(kind: inspect.Type) -> Iterator[Structure]:
    """The structures within a type, itself included."""
    match kind:
        case inspect.StructType() | inspect.DataclassType():
            yield kind
            for field in kind.fields:
                yield from structures(field.type)
        case inspect.VarTupleType():
            yield from structures(kind.item_type)
        case inspect.TupleType():
            for each in kind.item_types:
                yield from structures(each)
        case inspect.UnionType():
            for each in kind.types:
                yield from structures(each)
        case inspect.DictType():
            yield from structures(kind.value_type)
        case _:
            pass


STRUCTURES = {each.cls.__name__: each for each in structures(inspect.type_info(Report))}


def can_be_null(kind: inspect.Type) -> bool:
    types = kind.types if isinstance(kind, inspect.UnionType) else ()
    return any(isinstance(each, inspect.NoneType) for each in types)


def test_there_is_a_section_for_every_structure() -> None:
    assert set(re.findall(r"^## (.*)$", PAGE.text, re.M)) == set(STRUCTURES)


@pytest.mark.parametrize("name", STRUCTURES)
def test_there_is_a_row_for_every_key_which_says_whether_it_can_be_null(name: str) -> None:
    table = rows(PAGE.section(name))
    keys = [field.encode_name for field in STRUCTURES[name].fields]
    assert [row[0] for row in table] == [f"`{key}`" for key in keys]
    for field, (_, meaning) in zip(STRUCTURES[name].fields, table, strict=True):
        assert can_be_null(field.type) == bool(re.search(r"\bnull\b", meaning)), field.name


@pytest.mark.parametrize("name", STRUCTURES)
def test_a_row_names_the_structures_of_its_key(name: str) -> None:
    for field, (_, meaning) in zip(STRUCTURES[name].fields, rows(PAGE.section(name)), strict=True):
        inner = [each.cls.__name__ for each in structures(field.type)]
        linked = re.findall(r"\[(\w+)\]\(#\w+\)", meaning)
        assert linked == inner[:1] or meaning == "likewise"


@pytest.mark.parametrize("name", STRUCTURES)
def test_readers_ignore_keys_that_they_do_not_know(name: str) -> None:
    structure = STRUCTURES[name]
    if isinstance(structure, inspect.StructType):
        assert not structure.forbid_unknown_fields
    else:
        step = PreprocessingStep("add", (1.0,), None, "x")
        document = {**msgspec.to_builtins(step), "a_key_of_a_later_version": 1}
        assert msgspec.convert(document, structure.cls) == step


def test_the_exported_schema_is_that_of_the_types() -> None:
    finished: Finished = mcucc("report", "--schema")
    assert finished.code == 0
    document = json.loads(finished.out)
    assert f"schema {SCHEMA}" in document["title"]
    assert set(document["$defs"]) == set(STRUCTURES)
    for name, structure in STRUCTURES.items():
        properties = document["$defs"][name]["properties"]
        assert list(properties) == [field.encode_name for field in structure.fields]
    assert document["$ref"] == f"#/$defs/{Report.__name__}"


def test_the_page_says_the_schema_of_other_documents() -> None:
    said = re.search(r"Their `schema` is (\d+)\.", PAGE.text)
    assert said is not None
    assert int(said[1]) == DOCUMENT_SCHEMA


def test_report_wants_a_directory_or_asks_for_the_schema() -> None:
    finished = mcucc("report", "--json")
    assert finished.code == 2
    assert "give a directory" in finished.error
