"""Files that people give for a model or for samples, by what they are."""

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from onnx import numpy_helper

from tests.cli.mistake_models import SIZE


@dataclass(frozen=True)
class Foreign:
    """A file of another kind.

    Attributes:
        data: its bytes.
        what: how it is called.
        advice: part of what to do.
    """

    data: bytes
    what: str
    advice: str


def _zipped(*names: str, data: bytes = b"") -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, data)
    return content.getvalue()


def _field(number: int, data: bytes) -> bytes:
    return (
        bytes((number << 3 & 0x7F | 2 | (0x80 if number > 15 else 0),))
        + (bytes((number >> 4,)) if number > 15 else b"")
        + bytes((len(data),))
        + data
    )


_GRAPH_NODE = _field(1, b"image") + _field(2, b"Placeholder")
_META_GRAPH = _field(2, _field(1, b"\x22\x05serve"))
_CORE_ML = b"\x08\x05" + _field(2, _field(1, _field(1, b"image"))) + _field(500, b"\x0a\x00")
_SAFE = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
_LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 12345\n"

FOREIGN: Mapping[str, Foreign] = {
    "net.tflite": Foreign(b"\x1c\0\0\0TFL3" + bytes(64), "damaged .tflite", "convert it again"),
    "net.pt": Foreign(_zipped("net/data.pkl", "net/version"), "PyTorch", "torch.onnx.export"),
    "script.pt": Foreign(
        _zipped("s/data.pkl", "s/code/__torch__.py", "s/constants.pkl"), "TorchScript", "jit.load"
    ),
    "old.pth": Foreign(
        b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02", "PyTorch", "torch.onnx.export"
    ),
    "yolo.pt": Foreign(
        _zipped("y/data.pkl", data=b"ultralytics.nn"), "Ultralytics", "yolo export model="
    ),
    "net.pt2": Foreign(
        _zipped("n/archive_format", "n/models/model.json"), "torch.export", "torch.onnx.export"
    ),
    "net.h5": Foreign(b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5", "keras"),
    "net.keras": Foreign(_zipped("metadata.json", "config.json"), "Keras", "format='onnx'"),
    "net.pkl": Foreign(pickle.dumps({"sklearn": 1}), "scikit-learn", "skl2onnx"),
    "net.joblib": Foreign(pickle.dumps({"a": 1}, protocol=2), "pickled", "export ONNX there"),
    "pickle5.pkl": Foreign(pickle.dumps([1, 2], protocol=5), "pickled", "not opened"),
    "net.safetensors": Foreign(
        struct.pack("<Q", len(_SAFE)) + _SAFE + bytes(4), "safetensors", "torch.onnx.export"
    ),
    "net.gguf": Foreign(b"GGUF\x03\0\0\0" + bytes(64), "GGUF", "language model"),
    "frozen.pb": Foreign(
        _field(1, _GRAPH_NODE) + _field(4, b""), "frozen TensorFlow", "--graphdef"
    ),
    "saved_model.pb": Foreign(b"\x08\x01" + _META_GRAPH, "SavedModel", "--saved-model"),
    "net.mlmodel": Foreign(_CORE_ML, "Core ML", "framework"),
    "net.xml": Foreign(
        b'<?xml version="1.0"?>\n<net name="n" version="11">', "OpenVINO", "framework"
    ),
    "net.param": Foreign(b"7767517\n75 83\nInput data 0 1 data\n", "NCNN", "framework"),
    "net.cfg": Foreign(b"[net]\nbatch=1\n", "Darknet", "framework"),
    "net.prototxt": Foreign(b'name: "n"\nlayer {\n  name: "data"\n', "Caffe", "framework"),
    "model.json": Foreign(b'{"format": "layers-model", "a": 1}', "TensorFlow.js", "--tfjs"),
    "tensor.pb": Foreign(
        numpy_helper.from_array(np.zeros(3, np.float32), "x").SerializeToString(),
        "one ONNX tensor",
        "beside the test data",
    ),
    "text.onnxtxt": Foreign(b"<\n  ir_version: 8\n>\nagraph", "ONNX model as text", "onnxtxt"),
    "lfs.bin": Foreign(_LFS, "Git LFS pointer to a file of 12,345 bytes", "git lfs pull"),
    "page.html": Foreign(b"\n<!DOCTYPE html><html><body>404</body></html>", "web page", "download"),
    "login": Foreign(b"<HTML><head>", "web page", "download"),
    "words.json": Foreign(b'{"nodes": []}', "JSON", "give the ONNX file"),
    "board.toml": Foreign(b"[tool]\nx = 1\n", "text that begins with '[tool]'", "give the ONNX"),
    "notes.txt": Foreign("Größe: 3\nmore".encode(), "text that begins with 'Größe: 3'", "give the"),
    "code.py": Foreign(b"import torch\n", "text that begins with 'import torch'", "give the ONNX"),
    "photo.png": Foreign(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "PNG image", "give the ONNX"),
    "photo.jpg": Foreign(b"\xff\xd8\xff\xe0\0\x10JFIF\0", "JPEG image", "give the ONNX"),
    "net.gz": Foreign(b"\x1f\x8b\x08\0\0\0\0\0\0\x03ab", "gzip", "gunzip"),
    "net.tar": Foreign(b"net.onnx" + bytes(249) + b"ustar\x0000", "tar archive", "tar xf"),
    "net.zip": Foreign(_zipped("a/net.onnx"), "holds a/net.onnx", "unzip"),
    "net.xz": Foreign(b"\xfd7zXZ\0\0\x04", "xz archive", "unxz"),
    "array.npy": Foreign(b"\x93NUMPY\x01\0v\0{'descr'", "numpy array", "--calib"),
    "arrays.npz": Foreign(_zipped("x.npy", "y.npy"), "arrays of numpy", "--calib"),
    "net.elf": Foreign(b"\x7fELF\x01\x01\x01" + bytes(40), "ELF", "give the ONNX"),
    "net.a": Foreign(b"!<arch>\n/ 1 2", "library of object files", "give the ONNX"),
    "zeros.bin": Foreign(bytes(5000), "zero bytes", "copy or download"),
    "broken.zip": Foreign(_zipped("a.onnx")[:40], "cut off or damaged", "copy or download"),
}
"""Under its own name and as `.onnx`, each is refused with the same words."""

SAMPLES_REFUSED: Mapping[str, tuple[str, ...]] = {
    "calib.csv": ("text of numbers", "np.loadtxt('calib.csv'", ".reshape(-1, 3, 8, 8)"),
    "calib.json": ("JSON", "np.savez('calib.npz'", "['image']", "'image' float32 (N, 3, 8, 8)"),
    "calib.txt": ("text that begins with 'see the wiki'", "np.savez"),
    "ok.onnx": ("an ONNX model", ".npz or .npy"),
    "net.tflite": ("TensorFlow Lite", ".npz or .npy"),
    "net.pt": ("PyTorch", ".npz or .npy"),
    "net.keras": ("Keras", ".npz or .npy"),
    "net.pkl": ("pickled", ".npz or .npy"),
    "photo.png": ("PNG image", ".npz or .npy"),
    "empty.bin": ("an empty file", ".npz or .npy"),
    "page.html": ("web page", ".npz or .npy"),
    "objects.npy": ("Python objects", "np.stack"),
    "objects.npz": ("Python objects", "np.stack"),
    "words.npy": ("'image'", "must be numbers"),
    "photos": ("2 .png, 1 .jpg", "glob.glob('photos/*.png')", "resize((8, 8))"),
    "nothing": ("no file", "np.savez"),
    "strange": ("1 .bin", "np.savez"),
    "nhwc.npz": ("NHWC", "x.transpose(0, 3, 1, 2)"),
    "square.npz": ("NHWC", "x.transpose(0, 3, 1, 2)"),
    "one.npz": ("x[None]",),
    "flat.npy": ("x.reshape(-1, 3, 8, 8)",),
    "five.npy": ("x.reshape(-1, 3, 8, 8)",),
    "labels.npy": ("'image'", "(16,)", "labels"),
    "other.npz": ("'image'", "images, labels", "np.savez"),
    "nan.npz": ("'image'", "NaN", "2 of 3,072", "[1, 2, 3, 4]"),
    "infinite.npy": ("'image'", "infinity", "[0, 0, 0, 0]"),
    "none.npy": ("'image'", "no samples"),
    "missing.npz": ("No such file",),
}
"""What is said of samples that are none, by the name of the file or folder."""


def save_files(folder: Path) -> None:
    """Write all of `FOREIGN` under both names, and the samples; models are there."""
    for name, foreign in FOREIGN.items():
        (folder / name).write_bytes(foreign.data)
        (folder / f"{name}.onnx").write_bytes(foreign.data)
    (folder / "empty.bin").write_bytes(b"")
    (folder / "empty.onnx").write_bytes(b"")
    _save_folders(folder)
    _save_samples(folder)


def _save_folders(folder: Path) -> None:
    for name in ("nothing", "strange", "photos", "saved", "with_models", "hugging.onnx"):
        (folder / name).mkdir()
    for name in ("strange/a.bin", "photos/a.png", "photos/b.png", "photos/c.jpg"):
        (folder / name).write_bytes(b"x")
    for name in ("saved/saved_model.pb", "with_models/net.onnx"):
        (folder / name).write_bytes(b"x")
    for name in ("config.json", "model.safetensors"):
        (folder / "hugging.onnx" / name).write_bytes(b"x")


def _save_samples(folder: Path) -> None:
    x = np.random.default_rng(0).uniform(0, 1, (16, 3, SIZE, SIZE)).astype(np.float32)
    bad, ends = x.copy(), x.copy()
    bad[1, 2, 3, 4] = bad[7, 0, 0, 0] = np.nan
    ends[0, 0, 0, 0] = np.inf
    np.savez(folder / "calib.npz", image=x)
    np.savez(folder / "bytes.npz", image=(x * 255).astype(np.uint8))
    np.savez(folder / "unscaled.npz", image=x * 255)
    np.savez(folder / "constant.npz", image=np.full_like(x, 0.5))
    np.savez(folder / "nhwc.npz", image=x.transpose(0, 2, 3, 1))
    np.savez(folder / "square.npz", image=np.ones((8, 8, 8, 3), np.float32))
    np.savez(folder / "one.npz", image=x[0])
    np.save(folder / "flat.npy", x.reshape(16, -1))
    np.save(folder / "five.npy", x[:, None])
    np.save(folder / "labels.npy", np.arange(16))
    np.savez(folder / "other.npz", images=x, labels=np.arange(16))
    np.savez(folder / "nan.npz", image=bad)
    np.save(folder / "infinite.npy", ends)
    np.save(folder / "none.npy", x[:0])
    np.save(folder / "words.npy", np.full((2, 3, SIZE, SIZE), "a"))
    objects = np.array([np.zeros(3), None], dtype=object)
    np.save(folder / "objects.npy", objects)
    np.savez(folder / "objects.npz", image=objects)
    (folder / "calib.csv").write_text("1,2,3\n")
    (folder / "calib.json").write_text(json.dumps({"image": x[:1].tolist()}))
    (folder / "calib.txt").write_text("see the wiki\n")
