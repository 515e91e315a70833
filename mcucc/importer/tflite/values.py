"""Which tensors of a `.tflite` file the values of its network are: for whoever runs the file."""

from collections.abc import Mapping
from dataclasses import dataclass

from mcucc.importer.file.model_file import ModelSource, is_tflite, path_of, read_model
from mcucc.importer.tflite.names import value_names
from mcucc.importer.tflite.reader import read_tflite_file
from mcucc.importer.tflite.tail import without_tail


@dataclass(frozen=True)
class TfliteValues:
    """A file, and its tensors by the names that their values have.

    Attributes:
        raw: the bytes of the file.
        inputs: names, in the order of the file.
        outputs: likewise.
        index: of each tensor.
        dtypes: element type of each tensor as the schema spells it.
        makers: index of the operator that makes a tensor, where one does.
    """

    raw: bytes
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    index: Mapping[str, int]
    dtypes: Mapping[str, str]
    makers: Mapping[str, int]


def tflite_values(source: ModelSource) -> TfliteValues | None:
    """The values of a `.tflite` file, None if the file is none.

    Raises:
        InputFileError: it cannot be read, or is damaged.
        UsageError: the path stands for a pipe or a device.
    """
    path, raw = path_of(source), read_model(source)
    if not is_tflite(raw):
        return None
    file = read_tflite_file(path, raw)
    names, _ = value_names(without_tail(file)[0])
    return TfliteValues(
        raw,
        tuple(names[index] for index in file.inputs),
        tuple(names[index] for index in file.outputs),
        {name: index for index, name in enumerate(names)},
        {name: file.tensors[index].dtype for index, name in enumerate(names)},
        {names[i]: operator.index for operator in file.operators for i in operator.outputs},
    )
