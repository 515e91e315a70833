"""The list of deliberate faults fits today's sources, and every fault was noticed."""

import ast
from collections import Counter
from functools import cache

import pytest

from mutants.all import LISTS, MUTANTS
from mutants.mutant import Mutant, StaleMutantError, read_results
from tests.repo.checkout import CHECKOUT

EACH = pytest.mark.parametrize("mutant", MUTANTS.values(), ids=lambda mutant: mutant.name)
ROOMS = ("runtime_c/", "mcucc/kernels/", "mcucc/memory/", "mcucc/schedule/", "mcucc/quant/",
         "mcucc/passes/", "mcucc/codegen/", "mcucc/compiled/", "mcucc/importer/")  # fmt: skip


@cache
def functions(file: str) -> frozenset[str]:
    tree = ast.parse((CHECKOUT / file).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_there_are_faults_of_every_room() -> None:
    names = Counter(mutant.name for mutants in LISTS for mutant in mutants)
    assert [name for name, count in names.items() if count > 1] == []
    assert len(MUTANTS) >= 60
    for room in ROOMS:
        assert any(mutant.file.startswith(room) for mutant in MUTANTS.values()), room


@EACH
def test_a_fault_fits_its_file_and_has_tests(mutant: Mutant) -> None:
    """`python -m mutants NAME` tries it again after a change."""
    assert mutant.mutated() != (CHECKOUT / mutant.file).read_text()
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert (CHECKOUT / file).is_file(), test
        assert not name or name.partition("[")[0] in functions(file), test
    assert mutant.tests
    assert mutant.why.endswith(".")


@EACH
def test_a_fault_was_noticed_or_cannot_be(mutant: Mutant) -> None:
    result = read_results().get(mutant.name)
    assert result is not None, "it was never tried: python -m mutants --new"
    if mutant.proof:
        assert result.state == "equivalent"
        return
    assert result.state == "killed"
    files = {test.partition("::")[0] for test in mutant.tests}
    assert result.test.partition("::")[0] in files


def test_a_fault_whose_text_is_gone_is_named() -> None:
    gone = Mutant("gone", "Makefile", "no such text", "", ("tests",), "Nothing.")
    twice = Mutant("twice", "Makefile", "PYTHON", "", ("tests",), "Nothing.")
    for mutant in (gone, twice):
        with pytest.raises(StaleMutantError, match=rf"{mutant.name}: its text occurs \d+ times"):
            mutant.mutated()
