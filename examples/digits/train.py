"""Trains the digits example and writes its two networks and its images.

The data are scikit-learn's bundled handwritten digits: 1797 grey images of 8x8 pixels with values
0 to 16. A fifth is held out, stratified by label, and is used for nothing but the accuracies
printed at the end. Calibration images are taken from the rest. Written beside this script:

* ``digits_float.onnx``: input ``image`` float32 [1, 1, 8, 8] in 0..1, output ``logits`` [1, 10];
* ``digits_int8.onnx``: the same network in QDQ form, int8 activations and per-channel int8 weights;
* ``calibration.npz``: ``image`` float32 (100, 1, 8, 8), the first training images;
* ``test_images.npz``: ``image`` float32 (N, 1, 8, 8) and ``labels`` int64 (N,).
"""

# PyTorch is no dependency of the project; where it is absent its stub alone is checked.
# pyright: reportMissingModuleSource=false

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from onnxruntime import quantization
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import fusion

HERE = Path(__file__).resolve().parent
FLOAT_MODEL = HERE / "digits_float.onnx"
INT8_MODEL = HERE / "digits_int8.onnx"
CALIBRATION_IMAGES = HERE / "calibration.npz"
TEST_IMAGES = HERE / "test_images.npz"

SEED = 0
TEST_COUNT = 360
CALIBRATION_COUNT = 512
WRITTEN_CALIBRATION_COUNT = 100
WIDTH = 24
EPOCHS = 40
BATCH = 64
LEARNING_RATE = 1e-2
OPSET = 17

Images = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Training and held-out data: images float32 (N, 1, 8, 8) in 0..1, labels int64 (N,)."""

    train_images: Images
    test_images: Images
    train_labels: Labels
    test_labels: Labels


def load_split() -> Split:
    """Returns the digits, scaled to 0..1, in a fixed stratified split."""
    pixels, labels = load_digits(return_X_y=True)
    images = (pixels / 16.0).astype(np.float32).reshape(-1, 1, 8, 8)
    parts = train_test_split(
        images, labels.astype(np.int64), test_size=TEST_COUNT, stratify=labels, random_state=SEED
    )
    return Split(*parts)


class Convolution(nn.Module):
    """Convolution, padded by half the kernel, and batch normalization."""

    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            channels_in, channels_out, kernel, stride, kernel // 2, groups=groups, bias=False
        )
        self.norm: nn.Module = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, C, H, W) to (N, channels_out, H / stride, W / stride)."""
        return self.norm(self.conv(x))

    def fold(self) -> None:
        """Folds the trained normalization into weights and bias."""
        assert isinstance(self.norm, nn.BatchNorm2d), "a convolution is folded once"
        self.conv = fusion.fuse_conv_bn_eval(self.conv, self.norm)
        self.norm = nn.Identity()


class ResidualBlock(nn.Module):
    """Depthwise 3x3 and pointwise convolution, added to the block's input, then ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = Convolution(channels, channels, 3, groups=channels)
        self.pointwise = Convolution(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, C, H, W) to the same shape."""
        branch = self.pointwise(functional.relu(self.depthwise(x)))
        return functional.relu(x + branch)


def build_network() -> nn.Sequential:
    """Returns the untrained network: 8x8 maps of WIDTH channels, then 4x4 maps of twice as many."""
    wide = 2 * WIDTH
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        stem=Convolution(1, WIDTH, 3),
        stem_relu=nn.ReLU(),
        fine=ResidualBlock(WIDTH),
        down=Convolution(WIDTH, WIDTH, 3, stride=2, groups=WIDTH),
        down_relu=nn.ReLU(),
        widen=Convolution(WIDTH, wide, 1),
        widen_relu=nn.ReLU(),
        coarse=ResidualBlock(wide),
        pool=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
        dense=nn.Linear(wide, 10),
    )
    return nn.Sequential(layers)


def shifted(images: Tensor, generator: torch.Generator) -> Tensor:
    """Returns the images (N, 1, 8, 8), each moved by -1, 0 or 1 pixel in y and in x."""
    count = images.shape[0]
    padded = functional.pad(images, (1, 1, 1, 1))[:, 0]
    offsets = torch.randint(0, 3, (count, 2, 1), generator=generator)
    rows, columns = (offsets + torch.arange(8)).unbind(dim=1)
    sample = torch.arange(count)[:, None, None]
    return padded[sample, rows[:, :, None], columns[:, None, :]][:, None]


def train(split: Split) -> nn.Sequential:
    """Returns the network, trained on randomly shifted images, in evaluation mode."""
    torch.manual_seed(SEED)
    generator = torch.Generator().manual_seed(SEED)
    network = build_network()
    images, labels = torch.from_numpy(split.train_images), torch.from_numpy(split.train_labels)
    steps_per_epoch = len(images) // BATCH
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=EPOCHS * steps_per_epoch
    )
    for _ in range(EPOCHS):
        order = torch.randperm(len(images), generator=generator)
        for batch in order.split(BATCH)[:steps_per_epoch]:
            logits = network(shifted(images[batch], generator))
            loss = functional.cross_entropy(logits, labels[batch], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def export(network: nn.Sequential, path: Path) -> None:
    """Folds the batch normalization of a trained network and writes the float ONNX file.

    The tracing exporter is asked for by name: the newer one writes the global pool as a ReduceMean,
    which ONNX Runtime's quantizer leaves in float, and puts stack traces into the file.
    """
    for module in network.modules():
        if isinstance(module, Convolution):
            module.fold()
    torch.onnx.export(
        network,
        (torch.zeros(1, 1, 8, 8),),
        path,
        input_names=["image"],
        output_names=["logits"],
        opset_version=OPSET,
        dynamo=False,
    )


class CalibrationImages(quantization.CalibrationDataReader):
    """Hands training images one by one to ONNX Runtime's calibration."""

    def __init__(self, images: Images) -> None:
        self._samples: Iterator[Images] = iter(images[:, None])

    def get_next(self) -> dict[str, Images] | None:
        """Returns the next input, float32 (1, 1, 8, 8) by input name, or None after the last."""
        sample = next(self._samples, None)
        return None if sample is None else {"image": sample}


def quantize(source: Path, target: Path, images: Images) -> None:
    """Writes the QDQ network: int8 activations, symmetric int8 weights per output channel."""
    quantization.quantize_static(
        source,
        target,
        CalibrationImages(images),
        quant_format=quantization.QuantFormat.QDQ,
        activation_type=quantization.QuantType.QInt8,
        weight_type=quantization.QuantType.QInt8,
        per_channel=True,
    )


def accuracy(path: Path, images: Images, labels: Labels) -> float:
    """Returns the fraction of images that ONNX Runtime classifies correctly."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    logits = [session.run(["logits"], {"image": sample})[0] for sample in images[:, None]]
    predicted = np.concatenate(logits).argmax(axis=1)
    return np.count_nonzero(predicted == labels) / len(labels)


def main() -> None:
    """Trains, exports, quantizes, and prints both accuracies on the held-out images."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    split = load_split()
    export(train(split), FLOAT_MODEL)
    quantize(FLOAT_MODEL, INT8_MODEL, split.train_images[:CALIBRATION_COUNT])
    np.savez_compressed(CALIBRATION_IMAGES, image=split.train_images[:WRITTEN_CALIBRATION_COUNT])
    np.savez_compressed(TEST_IMAGES, image=split.test_images, labels=split.test_labels)
    for path in (FLOAT_MODEL, INT8_MODEL):
        print(f"{path.name}: {accuracy(path, split.test_images, split.test_labels):.2%} correct")


if __name__ == "__main__":
    main()
