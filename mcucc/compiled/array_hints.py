"""What to say where arrays were expected: what was found, and how to make what is read."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mcucc.importer.file.kinds import content_of
from mcucc.ir import Shape

_IMAGES = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"))
_LABELS = "class numbers are read from .npy, or from an array `labels` of an .npz"


def not_arrays(path: Path, shapes: Mapping[str, Shape], problem: str) -> str:
    """Why a file holds no arrays, and the command that makes one that does.

    Args:
        path: of the file.
        shapes: of a sample of each input in ONNX layout, batch 1 in front, by name; empty for
            labels.
        problem: what numpy says.
    """
    try:
        found = content_of(path)
    except OSError:
        found = None
    if "Object arrays" in problem:
        found = "holds Python objects in place of numbers (dtype=object), which are not read"
        return f"{found}: {_command(path, shapes, 'np.stack(list_of_arrays)')}"
    if found in ("a numpy array (.npy)", "arrays of numpy (.npz)"):
        return f"is damaged, or is no {path.suffix or '.npy'} file of plain numbers: write it again"
    if found in ("an empty file", None):
        return f"is {found or 'no file of arrays'}: {_command(path, shapes, 'data')}"
    return f"is {found}: {_command(path, shapes, _loaded(path, found))}"


def no_arrays_in_folder(path: Path, shapes: Mapping[str, Shape]) -> str:
    """What a directory without arrays holds, and the command that makes an array of its images."""
    suffixes = Counter(p.suffix.lower() or "other" for p in path.iterdir() if p.is_file())
    images = {suffix: count for suffix, count in suffixes.items() if suffix in _IMAGES}
    held = ", ".join(f"{count} {suffix}" for suffix, count in suffixes.most_common(3)) or "no file"
    usual = max(images, key=lambda suffix: images[suffix]) if images else ""
    data = _stacked(f"{_plain(path.name, 'FOLDER')}/*{usual}", shapes) if images else "data"
    return (
        f"holds no .npy or .npz file to calibrate on (it holds {held}): "
        f"{_command(path, shapes, data)}"
    )


def first_index(bad: NDArray[np.bool_]) -> str:
    """How many elements are bad, and where the first lies."""
    index = np.unravel_index(int(bad.argmax()), bad.shape)
    where = ", ".join(str(int(i)) for i in index)
    return f"{int(np.count_nonzero(bad)):,} of {bad.size:,} numbers, the first at [{where}]"


def _command(path: Path, shapes: Mapping[str, Shape], data: str) -> str:
    """What is read, and a line of Python that writes it."""
    if not shapes:
        numbers = "[3, 1, 4]" if data in ("data", "np.stack(list_of_arrays)") else data
        made = _python(f"np.save('labels.npy', np.array({numbers}, int))", data)
        return f"{_LABELS}: `{made}`"
    wanted = ", ".join(f"'{name}' float32 {_samples(shape)}" for name, shape in shapes.items())
    target = _plain(path.stem, "samples") + ".npz"
    if len(shapes) == 1:
        ((name, shape),) = shapes.items()
        arrays = _keyword(name, _reshaped(data, shape))
    else:
        arrays = ", ".join(_keyword(name, f"data{i}") for i, name in enumerate(shapes))
    made = _python(f"np.savez('{target}', {arrays})", data)
    return f"samples are read from .npz or .npy ({wanted}): `{made}`"


def _python(statement: str, data: str) -> str:
    imports = "numpy as np" + (", json, pathlib" if "json." in data else "")
    imports += ", glob; from PIL import Image" if "glob." in data else ""
    return f'python -c "import {imports}; {statement}"'


def _keyword(name: str, value: str) -> str:
    return f"{name}={value}" if name.isidentifier() else f"**{{{name!r}: {value}}}"


def _samples(shape: Shape) -> str:
    return f"({', '.join(map(str, ('N', *shape[1:])))})"


def _reshaped(data: str, shape: Shape) -> str:
    if data.startswith(("np.loadtxt", "np.array")):
        return f"{data}.reshape({', '.join(map(str, (-1, *shape[1:])))})"
    return data


def _loaded(path: Path, found: str) -> str:
    """How Python reads what was found."""
    name = _plain(path.name, "FILE")
    if found == "JSON":
        with path.open(encoding="utf-8", errors="replace") as file:
            begins = re.match(r"\s*\{\s*\"(\w+)\"\s*:\s*\[", file.read(4096))
        key = f"['{begins[1]}']" if begins else ""
        return f"np.array(json.loads(pathlib.Path('{name}').read_text()){key}, 'float32')"
    if found == "a text of numbers":
        delimiter = "," if path.suffix != ".tsv" else "\\t"
        return f"np.loadtxt('{name}', delimiter='{delimiter}', dtype='float32')"
    return "data"


def _stacked(pattern: str, shapes: Mapping[str, Shape]) -> str:
    """How images become samples."""
    shape = next(iter(shapes.values()), ())
    channels, rows, columns = shape[1:] if len(shape) == 4 else (3, 96, 96)
    mode, turned = ("L", "[None]") if channels == 1 else ("RGB", ".transpose(2, 0, 1)")
    opened = f"Image.open(f).convert('{mode}').resize(({columns}, {rows}))"
    return (
        f"np.stack([np.asarray({opened}, 'float32'){turned} / 255 "
        f"for f in sorted(glob.glob('{pattern}'))])"
    )


def _plain(name: str, otherwise: str) -> str:
    """A name that a shell and Python take as it is, or another."""
    return name if re.fullmatch(r"[\w.+-]+", name) else otherwise
