"""The fixed-point softmax beside exact arithmetic, and where TFLM cannot judge it."""

import numpy as np
import pytest

from mcucc.errors import InvariantError
from mcucc.reference.softmax import softmax, softmax_table, sum_reciprocal


@pytest.mark.parametrize("scale", [0.001, 0.0625, 0.1, 1.0, 7.7])
def test_the_table_is_the_exponential(scale: float):
    table = softmax_table(scale)
    exact = np.exp(-scale * np.arange(256)) * 2.0**31
    assert table.dtype == np.int32
    assert np.max(np.abs(table - exact)) < 2.0**31 * 1e-6
    assert table[0] == 2**31 - 1
    assert np.all(np.diff(table.astype(np.int64)) <= 0)


def test_the_table_ends_where_the_format_does():
    """At scale 16 a distance of 1 is beyond Q5.26, though exp(-16) in Q0.31 is 242."""
    assert softmax_table(15.5)[1] > 0
    assert softmax_table(16.0)[1:].tolist() == [0] * 255


def test_a_scale_below_the_format_is_refused():
    with pytest.raises(InvariantError, match="2\\^-26"):
        softmax_table(2.0**-26)


def test_the_reciprocal_is_close():
    total = np.array([2**19, 2**19 + 1, 3 * 2**18, 2**20, 12 * 2**19, 511 * 2**19])
    reciprocal, shift = sum_reciprocal(total)
    real = reciprocal.astype(np.float64) / 2.0**31 * 2.0 ** (31.0 - shift) / 256
    assert np.max(np.abs(real * total / 2.0**19 - 1)) < 1e-8


@pytest.mark.parametrize("classes", [512, 600, 2000])
def test_512_and_more_equal_logits_make_zeros(classes: int):
    """TFLM aborts here; the output is defined as -128."""
    x = np.zeros((1, classes), dtype=np.int8)
    assert np.all(softmax(x, softmax_table(0.1)) == -128)


def test_one_class_saturates():
    assert softmax(np.array([[7]], dtype=np.int8), softmax_table(0.1)).tolist() == [[127]]
