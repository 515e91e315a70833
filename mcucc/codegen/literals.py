"""C identifiers, comments and float literals."""

import re
from collections.abc import Iterable, Sequence

import numpy as np

_EXPORTER_SUFFIXES = ("_quantized", "_quantizelinear_output", "_output_0")
"""What quantizers and exporters hang on the names of values, outermost first."""
_LONGEST_IDENT = 32


def c_float(value: float) -> str:
    """A float literal that reads back as the same float32.

    >>> c_float(0.5), c_float(1.0), c_float(0.00390625)
    ('0.5f', '1.0f', '0.00390625f')
    """
    text = np.format_float_positional(np.float32(value), unique=True, trim="0")
    return f"{text}f"


def c_comment(text: str) -> str:
    """Text that can stand in a C comment: ASCII, one line, and it cannot end the comment.

    >>> c_comment("a */ b")
    'a * / b'
    """
    return c_comment_line(re.sub(r"\s+", " ", text))


def c_comment_line(text: str) -> str:
    """The same for one line of a drawing, whose spaces must stay.

    >>> c_comment_line("a   */")
    'a   * /'
    """
    plain = "".join(c if " " <= c <= "~" else "_" for c in text.replace("\\", "/"))
    return plain.replace("*/", "* /").replace("/*", "/ *")


def c_ident(name: str) -> str:
    """A lower-case C identifier of at most 32 characters that resembles a name.

    Suffixes that exporters add are left out; of a long name the middle is.

    >>> c_ident("model/Conv:0"), c_ident("2nd"), c_ident("/a/Relu_output_0_QuantizeLinear_Output")
    ('model_conv_0', 't2nd', 'a_relu')
    """
    text = re.sub(r"[^0-9a-z]+", "_", name.lower()).strip("_") or "t"
    for suffix in _EXPORTER_SUFFIXES:
        text = text.removesuffix(suffix)
    text = f"t{text}" if text[0].isdigit() else text
    if len(text) <= _LONGEST_IDENT:
        return text
    half = _LONGEST_IDENT // 2
    return f"{text[: half - 1].rstrip('_')}_{text[-half:].lstrip('_')}"


def unique_idents(names: Sequence[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """A distinct identifier for each name; later ones get a number where they would collide."""
    used = set(taken)
    result: dict[str, str] = {}
    for name in names:
        base = candidate = c_ident(name)
        number = 2
        while candidate in used:
            candidate = f"{base}_{number}"
            number += 1
        used.add(candidate)
        result[name] = candidate
    return result
