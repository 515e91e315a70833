"""What a file is by its first bytes, whatever its name, and how it becomes an ONNX model.

Nothing is executed, unpickled or unpacked: only signatures, the list of a zip archive and the
outermost fields of a protobuf message are looked at.
"""

import re
import struct
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mcucc.importer.file.protobuf import PROTOBUF_ADVICE, is_onnx, protobuf_kind

_HEAD_BYTES = 1 << 16
"""How much of a file is looked at."""

_ZIP_NAMES = 10_000
"""How many names of an archive are looked at."""

_EXAMPLE = "torch.zeros(1, 3, 96, 96)"
_EXPORT = (
    "export it where it was made: `torch.onnx.export(model.eval(), "
    f"({_EXAMPLE},), '{{stem}}.onnx')`, with an input of its own shape"
)
_KERAS = (
    "convert it with `python -c \"import keras; keras.saving.load_model('{file}')"
    ".export('{stem}.onnx', format='onnx')\"`, or export a SavedModel and use tf2onnx"
)
_UNPACK = "unpack it and give the .onnx file inside"
_DOWNLOAD = "the download failed, or it was the page about the file: download the file itself"
_FRAMEWORK = (
    "there is no way back to ONNX from it: export ONNX from the framework it was trained in"
)
_AS_BINARY = (
    "convert it with `python -c \"import onnx; onnx.save(onnx.load('{file}', format='FORMAT'), "
    "'{stem}.onnx')\"`"
)
_TORCHSCRIPT = (
    "export it with `python -c \"import torch; torch.onnx.export(torch.jit.load('{file}').eval(), "
    f"({_EXAMPLE},), '{{stem}}.onnx', dynamo=False)\"`, with an input of its own shape"
)
_PROGRAM = "export it with `torch.onnx.export(torch.export.load('{file}').module(), ...)`"
_SCIKIT = (
    "mcucc compiles neural networks: an MLP becomes ONNX by `skl2onnx.to_onnx(model, "
    "X[:1].astype('float32'), options={{'zipmap': False}})`, cut before its ai.onnx.ml operators; "
    "or train the network in PyTorch or Keras and export that"
)
_WEIGHTS = (
    "load them into the network in Python and export that: `torch.onnx.export(model.eval(), "
    f"({_EXAMPLE},), '{{stem}}.onnx')`, with an input of its own shape"
)
_NO_MODEL = "give the ONNX file of the network"


@dataclass(frozen=True)
class FileKind:
    """What a file is.

    Attributes:
        what: with an article, such as "a TensorFlow Lite model".
        advice: the command that makes an ONNX model of it, or what else to do.
    """

    what: str
    advice: str


_SIGNATURES: Sequence[tuple[int, bytes, str, str]] = (
    (4, b"TFL3", "a TensorFlow Lite model", _NO_MODEL),  # which is taken where a model is wanted
    (4, b"ORTM", "a model in ONNX Runtime's own format (.ort)", "give the .onnx it was made from"),
    (4, b"ET12", "an ExecuTorch program", _FRAMEWORK),
    (4, b"CIR0", "a Circle model", "convert the TensorFlow Lite model it was made from"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras saves models (.h5)", _KERAS),
    (
        *(0, b"GGUF", "a GGUF file, the weights of a language model"),
        "mcucc compiles networks for microcontrollers, and there is no ONNX to make of it",
    ),
    (0, b"ggjt", "a GGML file, the weights of a language model", _FRAMEWORK),
    (0, b"lmgg", "a GGML file, the weights of a language model", _FRAMEWORK),
    (0, b"ftrt", "a TensorRT engine", _FRAMEWORK),
    (0, b"ptrt", "a TensorRT engine", _FRAMEWORK),
    (0, b"RKNN", "an RKNN model for Rockchip's accelerators", _FRAMEWORK),
    (0, b"\x93NUMPY", "a numpy array (.npy)", "arrays go to --calib or --input; " + _NO_MODEL),
    (0, b"\x7fELF", "an ELF program or object file", _NO_MODEL),
    (0, b"\xcf\xfa\xed\xfe", "a Mach-O program", _NO_MODEL),
    (0, b"MZ", "a Windows program", _NO_MODEL),
    (0, b"!<arch>\n", "a library of object files (.a)", _NO_MODEL),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG image", _NO_MODEL),
    (0, b"\xff\xd8\xff", "a JPEG image", _NO_MODEL),
    (0, b"GIF8", "a GIF image", _NO_MODEL),
    (0, b"BM", "a BMP image", _NO_MODEL),
    (0, b"II*\0", "a TIFF image", _NO_MODEL),
    (0, b"MM\0*", "a TIFF image", _NO_MODEL),
    (8, b"WEBP", "a WebP image", _NO_MODEL),
    (8, b"WAVE", "a WAV recording", _NO_MODEL),
    (0, b"%PDF", "a PDF document", _NO_MODEL),
    (0, b"PAR1", "a Parquet table", _NO_MODEL),
    (0, b"SQLite format 3", "an SQLite database", _NO_MODEL),
    (0, b"MATLAB 5.0", "a MATLAB file (.mat)", _NO_MODEL),
    (0, b"\x1f\x8b", "a gzip archive", f"{_UNPACK}: `gunzip` or `tar xzf {{file}}`"),
    (0, b"BZh", "a bzip2 archive", f"{_UNPACK}: `bunzip2` or `tar xjf {{file}}`"),
    (0, b"\xfd7zXZ\0", "an xz archive", f"{_UNPACK}: `unxz` or `tar xJf {{file}}`"),
    (0, b"\x28\xb5\x2f\xfd", "a zstd archive", f"{_UNPACK}: `unzstd {{file}}`"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", f"{_UNPACK}: `7z x {{file}}`"),
    (0, b"Rar!", "a RAR archive", _UNPACK),
    (257, b"ustar", "a tar archive", f"{_UNPACK}: `tar xf {{file}}`"),
)

_TEXTS: Sequence[tuple[str, str, str]] = (
    (
        *(r"version https://git-lfs", "a Git LFS pointer to a file"),
        "fetch the file with `git lfs pull`",
    ),
    (
        r"(\.\./)*\.git/annex|/annex/objects/",
        "a git-annex pointer",
        "fetch it with `git annex get`",
    ),
    (r"(?i)\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?(<!doctype\s+html|<html)", "a web page", _DOWNLOAD),
    (r"\s*(<\?xml[^>]*>\s*)?<net\s", "an OpenVINO network (.xml)", _FRAMEWORK),
    (r"\s*(<\?xml[^>]*>\s*)?<PMML", "a PMML model", _FRAMEWORK),
    (r"\s*<\?xml", "an XML document", _NO_MODEL),
    (
        *(r"\s*<\s*ir_version\s*:", "an ONNX model as text"),
        _AS_BINARY.replace("FORMAT", "onnxtxt"),
    ),
    (
        *(r"ir_version\s*:", "an ONNX model as text"),
        _AS_BINARY.replace("FORMAT", "textproto"),
    ),
    (r"7767517\b", "an NCNN network (.param)", _FRAMEWORK),
    (r"\s*\[net(work)?\]", "a Darknet network (.cfg)", _FRAMEWORK),
    (r"(.*\n){0,40}\s*layers?\s*\{", "a Caffe network (.prototxt)", _FRAMEWORK),
    (r"node\s*\{\s*name:", "a TensorFlow graph as text (.pbtxt)", PROTOBUF_ADVICE["graph"]),
    (r"tree\nversion=", "a LightGBM model", "mcucc compiles neural networks, not trees"),
    (r"func @|module\s.*\{|#loc|builtin\.module", "an MLIR module", _FRAMEWORK),
    (r"\s*(\{\s*[\"}]|\[\s*[\"\[\]{\d-])", "JSON", _NO_MODEL),
)

_JSONS: Sequence[tuple[str, str, str]] = (
    (
        *(r'"irVersion"', "an ONNX model as JSON"),
        _AS_BINARY.replace("FORMAT", "json"),
    ),
    (
        *(r'"modelTopology"|"format":\s*"(layers|graph)-model"', "a TensorFlow.js model"),
        "convert it with `python -m tf2onnx.convert --tfjs {file} --output {stem}.onnx`",
    ),
    (
        *(r'"class_name":\s*"(Sequential|Functional|Model)"', "a Keras model's layers as JSON"),
        "it holds no weights: load the whole model in Keras and export it as ONNX",
    ),
    (r'"arg_nodes"', "an MXNet network", _FRAMEWORK),
    (r'"learner"', "an XGBoost model", "mcucc compiles neural networks, not trees"),
    (r'"mcucc_version"', "a report of mcucc", _NO_MODEL),
)


def kind_of(path: Path) -> FileKind | None:
    """What a regular file is, None if that is not known or may well be an ONNX model.

    Args:
        path: of the file; its name serves the advice alone.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return kind_of_content(path, file)


def kind_of_content(path: Path, file: BinaryIO) -> FileKind | None:
    """The same of a file that is open, or of bytes; `path` serves the advice alone."""
    head = file.read(_HEAD_BYTES)
    found = _signed(head) or _zipped(head, file) or _pickled(head) or _tensors(head)
    found = found or _written(head) or protobuf_kind(file) or _blank(head)
    return None if found is None else FileKind(found[0], _filled(found[1], path))


def content_of(path: Path) -> str | None:
    """What a regular file is, an ONNX model too; None if that is not known.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        if is_onnx(file):
            return "an ONNX model"
        file.seek(0)
        head = file.read(_HEAD_BYTES)
    if not head:
        return "an empty file"
    if re.fullmatch(rb"[-+.,;:\d\seEnafi]+", head):
        return "a text of numbers"
    kind = kind_of(path)
    return None if kind is None else kind.what


def _signed(head: bytes) -> tuple[str, str] | None:
    for offset, magic, what, advice in _SIGNATURES:
        if head.startswith(magic, offset):
            return what, advice
    return None


def _zipped(head: bytes, file: BinaryIO) -> tuple[str, str] | None:
    if not head.startswith(b"PK\x03\x04") and not head.startswith(b"PK\x05\x06"):
        return None
    try:
        with zipfile.ZipFile(file) as archive:
            return _archive(archive.namelist()[:_ZIP_NAMES], head)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, ValueError, struct.error):
        return "a zip archive that is cut off or damaged", "copy or download it again"


def _archive(names: Sequence[str], head: bytes) -> tuple[str, str]:
    """What an archive is by the names in it."""
    models = [name for name in names if name.endswith(".onnx")]
    if models:
        return f"a zip archive that holds {models[0]}", f"{_UNPACK}: `unzip {{file}}`"
    for pattern, what, advice in _ARCHIVES:
        if any(re.search(pattern, name) for name in names):
            return what, advice
    if any(name.endswith("data.pkl") for name in names):
        if b"ultralytics" in head:
            return "an Ultralytics checkpoint (.pt)", "`yolo export model={file} format=onnx`"
        return "a PyTorch checkpoint (.pt)", _EXPORT
    held = ", ".join(names[:3]) or "nothing"
    return f"a zip archive (it holds {held})", _NO_MODEL


_ARCHIVES: Sequence[tuple[str, str, str]] = (
    (r"/constants\.pkl$|^[^/]+/code/", "a TorchScript model", _TORCHSCRIPT),
    (r"serialized_exported_program|archive_format$", "a torch.export program (.pt2)", _PROGRAM),
    (r"^config\.json$", "a Keras model (.keras)", _KERAS),
    (r"\.npy$", "arrays of numpy (.npz)", "arrays go to --calib or --input; " + _NO_MODEL),
    (
        *(r"(^|/)saved_model\.pb$", "a zip archive of a TensorFlow SavedModel"),
        "unpack it; then " + PROTOBUF_ADVICE["saved model"],
    ),
    (r"^\[Content_Types\]\.xml$", "an Office document", _NO_MODEL),
)


def _pickled(head: bytes) -> tuple[str, str] | None:
    """A pickle is never opened: that would run whatever code it holds."""
    plain = re.match(rb"\x80[\x02-\x05]", head)
    if plain is None and not head.startswith((b"ZF0x", b"x\x9c", b"x\x01", b"x\xda")):
        return None
    if b"sklearn" in head:
        return "a pickled scikit-learn model", _SCIKIT
    if b"torch" in head or head.startswith(b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."):
        return "a PyTorch checkpoint (pickled)", _EXPORT
    if plain is None:
        return "compressed data, as joblib saves pickled objects", _EXPORT_PICKLE
    return "a pickled Python object (.pkl, .joblib)", _EXPORT_PICKLE


_EXPORT_PICKLE = (
    "it is not opened, as that runs the code in it: load it where it was made and export ONNX "
    "there (PyTorch: `torch.onnx.export`, scikit-learn: `skl2onnx.to_onnx`)"
)


def _tensors(head: bytes) -> tuple[str, str] | None:
    length = int.from_bytes(head[:8], "little")
    if 2 <= length < 1 << 30 and head[8:10] in (b'{"', b"{}", b"{ "):
        return "a safetensors file, weights without a network", _WEIGHTS
    return None


def _written(head: bytes) -> tuple[str, str] | None:
    """What a text is; a tail of up to three bytes may be a letter that is cut."""
    body = head.removeprefix(b"\xef\xbb\xbf")
    if re.search(rb"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]", body) or not body.strip():
        return None
    text = body.decode("utf-8", "replace")
    if text.count("\N{REPLACEMENT CHARACTER}") > 3:
        return None
    for pattern, what, advice in _TEXTS:
        if re.match(pattern, text):
            return _pointer(text, what, advice) if what != "JSON" else _json(text)
    line = next(line.strip() for line in text.splitlines() if line.strip())
    return f"a text that begins with '{line[:40]}'", _NO_MODEL


def _pointer(text: str, what: str, advice: str) -> tuple[str, str]:
    size = re.search(r"^size (\d+)$", text, re.MULTILINE)
    return (f"{what} of {int(size[1]):,} bytes" if size else what), advice


def _json(text: str) -> tuple[str, str]:
    for pattern, what, advice in _JSONS:
        if re.search(pattern, text):
            return what, advice
    return "JSON", _NO_MODEL


def _blank(head: bytes) -> tuple[str, str] | None:
    if head and not head.strip(b"\0"):
        return "a file of zero bytes", "it was not written to the end: copy or download it again"
    return None


def _filled(advice: str, path: Path) -> str:
    """An advice with the file's name, where a shell and Python take it as it is."""
    plain = re.fullmatch(r"[\w.+-]+", path.name) is not None
    file, stem = (path.name, path.stem) if plain else ("FILE", "model")
    return (
        advice.replace("{file}", file).replace("{stem}", stem).replace("{{", "{").replace("}}", "}")
    )


def folder_kind(path: Path) -> FileKind | None:
    """What a directory is that was given for a model.

    Raises:
        OSError: it cannot be read.
    """
    names = sorted(entry.name for entry in path.iterdir())
    models = [name for name in names if name.endswith(".onnx")]
    found = _folder(names)
    if found is None and models:
        what = f"a directory that holds the ONNX file {_some(models)}"
        return FileKind(what, f"give the file, such as {path / models[0]}")
    return None if found is None else FileKind(found[0], _filled(found[1], path))


def _folder(names: Sequence[str]) -> tuple[str, str] | None:
    if "saved_model.pb" in names:
        return "a TensorFlow SavedModel", PROTOBUF_ADVICE["saved model"]
    if "Manifest.json" in names and "Data" in names:
        return "a Core ML package", _FRAMEWORK
    if "report.json" in names:
        return "a directory that mcucc compiled", _NO_MODEL
    if "config.json" in names and any(n.endswith((".safetensors", ".bin")) for n in names):
        return (
            "a Hugging Face model",
            "export it with `optimum-cli export onnx --model {file} onnx`",
        )
    if "checkpoint" in names or any(name.endswith(".ckpt.index") for name in names):
        return "a TensorFlow checkpoint", "save the whole model (`model.export`), then " + (
            PROTOBUF_ADVICE["saved model"]
        )
    return None


def _some(names: Iterable[str]) -> str:
    first = list(names)
    return ", ".join(first[:3]) + (f" and {len(first) - 3} more" if len(first) > 3 else "")
