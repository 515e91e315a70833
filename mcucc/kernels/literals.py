"""C literals of numbers and arrays."""

import numpy as np
from numpy.typing import NDArray

_INT32_MIN = -(1 << 31)


def c_int(value: int) -> str:
    """An int32 literal.

    >>> c_int(-5), c_int(-2147483648)
    ('-5', '(-2147483647 - 1)')
    """
    return "(-2147483647 - 1)" if value == _INT32_MIN else str(value)


def c_macro_int(value: int) -> str:
    """An int32 as what a macro stands for: in parentheses where an operator is part of it.

    >>> c_macro_int(5), c_macro_int(-5)
    ('5', '(-5)')
    """
    return f"({value})" if _INT32_MIN < value < 0 else c_int(value)


def int_rows(values: NDArray[np.integer], per_row: int) -> tuple[str, ...]:
    """Initializer lines of an integer array, columns aligned."""
    flat = [c_int(int(value)) for value in values.ravel().tolist()]
    width = max((len(text) for text in flat), default=0)
    cells = [f"{text:>{width}}" for text in flat]
    return tuple(
        ", ".join(cells[start : start + per_row]) + "," for start in range(0, len(cells), per_row)
    )


def hex_rows(words: NDArray[np.uint32], per_row: int) -> tuple[str, ...]:
    """Initializer lines of an array of words."""
    cells = [f"0x{word:08X}" for word in words.ravel().tolist()]
    return tuple(
        ", ".join(cells[start : start + per_row]) + "," for start in range(0, len(cells), per_row)
    )
