"""Lines of at most 100 characters."""

import re

import pytest

from mcucc.codegen.line_width import WIDTH, fit_lines
from tests.codegen.hostile import HOSTILE_NAMES
from tests.codegen.test_generated_text import files_of, hostile_graph, without_comments
from tests.graphs import every_operator_graph

LONG = "argument_of_thirty_characters_"
CAST = f"    return (int8_t *)arena + {'X' * 90};"


def test_short_lines_stay() -> None:
    text = f"#if X\n{'a' * WIDTH}\n\n    call(a, b);\n#endif\n"
    assert fit_lines(text) == text


def test_arguments_stand_below_the_first() -> None:
    line = f"    call(&{LONG}[0], f({LONG}, 1), {LONG}, {{2, 3}}, {LONG});"
    margin = " " * len("    call(")
    assert fit_lines(line).splitlines() == [
        f"    call(&{LONG}[0], f({LONG}, 1),",
        f"{margin}{LONG}, {{2, 3}}, {LONG});",
    ]


def test_what_follows_the_list_stays_behind_it() -> None:
    line = f"    if (memcmp(f({LONG}), &{LONG}[0], {LONG}_{LONG}) != 0) {{"
    assert fit_lines(line).splitlines() == [
        f"    if (memcmp(f({LONG}), &{LONG}[0],",
        f"               {LONG}_{LONG}) != 0) {{",
    ]


def test_a_wide_argument_stands_below_the_beginning() -> None:
    name, argument = "n" * 60, "a" * 50
    lines = fit_lines(f"  void {name}({argument}, int b);").splitlines()
    assert lines == [f"  void {name}(", f"      {argument}, int b);"]
    assert fit_lines(f"int {name}({argument});").splitlines() == [
        f"int {name}(",
        f"    {argument});",
    ]


def test_lists_in_braces() -> None:
    item = f"{{.zero_point = 1, .name = {LONG}}}"
    assert fit_lines(f"    .input = {{{item}, {item}}},").splitlines() == [
        f"    .input = {{{item},",
        f"              {item}}},",
    ]


@pytest.mark.parametrize("indent", ["", "    "])
def test_comments_break_between_words(indent: str) -> None:
    words = " ".join(f"word{i}" for i in range(40))
    lines = fit_lines(f"{indent}/* {words} */").splitlines()
    assert len(lines) > 1
    assert all(len(line) <= WIDTH for line in lines)
    assert all(line.startswith(f"{indent} *    word") for line in lines[1:])
    assert re.sub(r"\s*\n\s*\*\s*", " ", "\n".join(lines)) == f"{indent}/* {words} */"
    inner = fit_lines(f"{indent} * {words}").splitlines()
    assert all(line.startswith(f"{indent} *    word") for line in inner[1:])


def test_a_comment_behind_code_is_cut_off() -> None:
    line = fit_lines(f"    AT_X = 12, /* {'name/' * 40} */").rstrip("\n")
    assert len(line) == WIDTH
    assert line.startswith("    AT_X = 12, /* name/name/")
    assert line.endswith(".. */")


def test_what_offers_no_break_stays() -> None:
    for line in ("x" * 120, f"#define {'X' * 120} (1, 2)", f"{'x' * 120}, /* y */", CAST):
        assert fit_lines(line) == f"{line}\n"


@pytest.mark.parametrize("name", ["n", "name_of_24_characters_xy"])
def test_generated_lines_are_short(name: str) -> None:
    for graph in (hostile_graph(name), every_operator_graph(name)):
        for file, text in files_of(graph).items():
            if file.endswith((".c", ".h")):
                wide = [line for line in text.splitlines() if len(line) > WIDTH]
                assert not wide, file
                without_comments(text)


def test_identifiers_of_long_names_are_cut() -> None:
    text = without_comments(files_of(hostile_graph())["hostile.c"])
    assert max(map(len, HOSTILE_NAMES)) > 200
    words: list[str] = re.findall(r"\b(?:AT|step|spec)_(\w+)", text)
    assert max(map(len, words)) == 32
