"""Numbers, comments and identifiers of generated C."""

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mcucc.codegen.literals
import mcucc.kernels.literals
from mcucc.codegen.literals import c_comment, c_float, c_ident, unique_idents
from mcucc.kernels.literals import c_int, int_rows
from tests.codegen.hostile import HOSTILE_NAMES

float32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


def test_examples_in_docstrings() -> None:
    for module in (mcucc.codegen.literals, mcucc.kernels.literals):
        result = doctest.testmod(module)
        assert result.attempted > 0
        assert result.failed == 0


@given(st.integers(-(2**31), 2**31 - 1))
def test_int_is_an_expression_of_its_value(value: int) -> None:
    text = c_int(value)
    assert eval(text) == value
    assert "2147483648" not in text, "the constant would be a long"


@given(float32)
def test_float_reads_back(value: float) -> None:
    text = c_float(value)
    assert text.endswith("f")
    assert "." in text
    read = np.float32(text[:-1])
    assert read.tobytes() == np.float32(value).tobytes()


@pytest.mark.parametrize("value", [2.0**-149, 2.0**-126, 1e-38, 3.4028235e38, 1 / 3, 1 / 255])
def test_float_at_the_ends_of_its_range(value: float) -> None:
    assert np.float32(c_float(value)[:-1]) == np.float32(value)


@pytest.mark.parametrize("text", HOSTILE_NAMES)
def test_comment_of_hostile_names(text: str) -> None:
    check_comment(text)


@given(st.text(alphabet="*/\\? \n\r\tä\x00a"))
def test_comment(text: str) -> None:
    check_comment(text)


def check_comment(text: str) -> None:
    """It is printable ASCII on one line, and nothing in it ends, opens or continues anything."""
    comment = c_comment(text)
    assert all(" " <= character <= "~" for character in comment)
    assert "*/" not in comment
    assert "/*" not in comment
    assert "\\" not in comment
    assert c_comment(comment) == comment


def test_comment_keeps_what_is_harmless() -> None:
    assert c_comment("model/Conv_1:0 (3x3) *2") == "model/Conv_1:0 (3x3) *2"


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_identifier(name: str) -> None:
    assert c_ident(name).isascii()
    assert c_ident(name).isidentifier()
    assert c_ident(name) == c_ident(name).lower()


@given(st.lists(st.sampled_from([*HOSTILE_NAMES, "a_b_2", "a_b_3", "t", "t0"]), unique=True))
def test_identifiers_are_distinct(names: list[str]) -> None:
    idents = unique_idents(names, taken=("rows", "t"))
    assert list(idents) == names
    assert len({*idents.values(), "rows", "t"}) == len(names) + 2


def test_rows_of_integers() -> None:
    assert int_rows(np.array([[1, -20], [300, 4], [5, 6]]), 4) == (
        "  1, -20, 300,   4,",
        "  5,   6,",
    )
    assert int_rows(np.array([], dtype=np.int8), 4) == ()
