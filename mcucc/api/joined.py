"""What a reader should know of outputs that join values of very different range."""

from collections.abc import Iterator, Mapping

from mcucc.ops import Int8Graph
from mcucc.quant.joined import Part

_POOR_DB = 20.0
"""Below so much a part is worth a word."""
_APART_DB = 10.0
"""If another part has so much more."""


def joined_notes(parts: Mapping[str, tuple[Part, ...]], graph: Int8Graph) -> Iterator[str]:
    """A sentence for each output of which a part is lost in the scale of the whole.

    Args:
        parts: by name of the output.
        graph: has the outputs.
    """
    for port in graph.outputs:
        joined = parts.get(port.name, ())
        ratios = [part.sqnr_db for part in joined]
        if ratios and min(ratios) < _POOR_DB and max(ratios) - min(ratios) > _APART_DB:
            said = ", ".join(f"'{part.name}' {part.sqnr_db:.1f} dB" for part in joined)
            yield (
                f"output '{port.name}' joins values of very different range at one scale: its "
                f"parts have {said} of signal to noise; --split-output gives them out one by one, "
                "each with a scale of its own"
            )
