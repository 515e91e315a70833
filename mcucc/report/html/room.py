"""Where a label has room: drawings are as wide as the window, letters are not."""

from rich.cells import cell_len

BREAKPOINTS = (0, 260, 420, 600, 840, 1100, 1400)
"""Widths of a drawing in pixels; the page's style shows the labels of a class from there on."""

_LETTER = 6.7
"""Pixels of a letter at most, on average, at the size of labels."""
_PADDING = 10


def room_class(text: str, percent: float) -> str:
    """From which width of the drawing on a text fits into a part of it.

    Args:
        text: of one line.
        percent: of the drawing's width that it may take.

    Returns:
        A class of the page's style, such as `w600`; empty where it never fits.
    """
    wanted = cell_len(text) * _LETTER + _PADDING
    for width in BREAKPOINTS[1:]:
        if width * percent / 100 >= wanted:
            return f"w{width}"
    return ""
