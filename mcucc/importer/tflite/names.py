"""What the tensors of a file are called."""

from collections.abc import Sequence

from mcucc.importer.layout.layout_walk import fresh
from mcucc.importer.tflite.model import TfliteModel


def value_names(file: TfliteModel) -> tuple[Sequence[str], set[str]]:
    """A name for each tensor, and all of them: those of the file, where they are unique.

    Of tensors with one name inputs and outputs of the network keep it, then the first.
    """
    taken: set[str] = set()
    names: dict[int, str] = {}
    for index in dict.fromkeys((*file.inputs, *file.outputs, *range(len(file.tensors)))):
        names[index] = fresh(file.tensors[index].name or f"tensor_{index}", taken)
    return [names[index] for index in range(len(file.tensors))], taken
