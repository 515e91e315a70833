"""Lists in the pages equal what the code has: operators, JSON keys, places to touch."""

import re
from dataclasses import fields

import pytest

from mcucc.api.build import BuiltProgram, ProgramLayer
from mcucc.api.compare import Comparison
from mcucc.api.evaluate import Evaluation
from mcucc.api.float_link import FloatLink, FloatOutput
from mcucc.api.inspect import Inspection
from mcucc.api.measure import LayerMeasurement, Measurement, RunCounts
from mcucc.api.operators import SupportedOperators, markdown, supported_operators
from mcucc.api.verify import Difference, Verification
from mcucc.importer.rules import RULES
from mcucc.kernels import FAMILIES
from mcucc.ops import INT8_OPS
from tests.docs.pages import CHECKOUT, DOCS, Page, quoted, rows

MANUAL = Page(DOCS / "command-line.md")


def keys_of(kind: type) -> set[str]:
    struct_fields: tuple[str, ...] = getattr(kind, "__struct_fields__", ())
    return set(struct_fields) or {field.name for field in fields(kind)}


def test_operators() -> None:
    table = rows(Page(DOCS / "numerics.md").section("The operators"))
    assert [quoted(row[0]) for row in table] == [{name} for name in INT8_OPS]
    assert set().union(*(quoted(row[3]) for row in table)) == set(FAMILIES)


def test_onnx_operators() -> None:
    """The table of operators and the lines below it name all that are taken, in any order."""
    section = Page(DOCS / "numerics.md").section("The operators")
    named = set(re.findall(r"[A-Z]\w+", section))
    assert set(RULES) <= named


def test_the_page_of_operators_is_what_the_rules_say() -> None:
    """`mcucc ops --markdown > docs/operators.md` makes it."""
    found = supported_operators()
    assert (DOCS / "operators.md").read_text(encoding="utf-8") == markdown(found)
    assert all(each.taken for each in found.operators)


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("inspect", Inspection),
        ("verify", Verification),
        ("evaluate", Evaluation),
        ("bench", Measurement),
        ("build", BuiltProgram),
        ("compare", Comparison),
        ("ops", SupportedOperators),
        ("run", RunCounts),
    ],
)
def test_json_keys(command: str, kind: type) -> None:
    table = rows(MANUAL.section(f"mcucc {command}"))
    assert set().union(*(quoted(row[0]) for row in table)) == keys_of(kind)


@pytest.mark.parametrize(
    ("command", "key", "kind"),
    [
        ("verify", "first_difference", Difference),
        ("verify", "float", FloatLink),
        ("verify", "float", FloatOutput),
        ("bench", "layers", LayerMeasurement),
        ("build", "layers", ProgramLayer),
        ("run", "layers", LayerMeasurement),
    ],
)
def test_keys_of_nested_documents(command: str, key: str, kind: type) -> None:
    table = rows(MANUAL.section(f"mcucc {command}"))
    (meaning,) = (row[1] for row in table if key in quoted(row[0]))
    assert keys_of(kind) <= quoted(meaning)


def test_adding_an_operator_names_the_files_that_know_its_example() -> None:
    """Where PRelu is, a new operator goes; the page lists these files, and at most twelve."""
    text = Page(DOCS / "adding-an-op.md").text
    listed = {name for row in rows(text[: text.index("\n## ")]) for name in quoted(row[0])}
    found = [p for folder in ("mcucc", "runtime_c") for p in (CHECKOUT / folder).rglob("*.*")]
    sources = [path for path in found if path.suffix != ".pyc"]
    known = {
        str(path.relative_to(CHECKOUT))
        for path in (*sources, *(CHECKOUT / "tests").rglob("*.py"))
        if re.search(r"PRelu\b|mcucc_prelu\b", path.read_text(encoding="utf-8", errors="ignore"))
    }
    assert (
        known - {"tests/docs/test_docs_reference.py"}
        <= listed
        <= known | {"docs/numerics.md", "docs/operators.md", "CHANGELOG.md"}
    )
    assert len(listed) <= 12


def test_adding_an_operator_names_every_match() -> None:
    sources = (CHECKOUT / "mcucc").rglob("*.py")
    matching = {p for p in sources if "assert_never(" in p.read_text(encoding="utf-8")}
    text = Page(DOCS / "adding-an-op.md").text
    assert {str(p.relative_to(CHECKOUT)) for p in matching} <= quoted(text)
