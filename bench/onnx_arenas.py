"""Arenas of networks whose operators came last, beside whole tensors and TensorFlow Lite Micro.

    python bench/onnx_arenas.py         all: print, write bench/results/onnx_arenas.json
    python bench/onnx_arenas.py eegnet  files whose name begins so: print

Each file of `brought` below is planned for a Cortex-M4 with memory for every plan: whole tensors in
the best order, all plans of mcucc, and the activations that TensorFlow Lite Micro holds of the
same int8 network. Said too is which operators of the smallest plan run row by row in a segment.
"""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import mcucc

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "onnx_arenas.json"
MODELS = Path(os.environ.get("MCUCC_MODELS", HERE.parents[1] / "shared" / "models"))
BOARD = "mps2-an386"
NETWORKS = (
    "unet_bilinear__dyn23",
    "espcn__dyn18",
    "yolo_nano__dyn23",
    "bcresnet1__dyn20",
    "shufflenet_tv__dyn20",
    "eegnet__dyn20",
    "conv_ae__dyn18",
)
"""What bounds the smallest of their plans, where rows do not reach everywhere:

- espcn: the segment before the DepthToSpace, which needs 6,908 bytes: what it makes for it (4,096)
  and its rings. Behind it that is written over as it is read, 4,164 bytes; inside the segment it
  would have the same output of 4,096, and a row of its input more.
- shufflenet_tv: its image, 27,648 of 27,852 bytes; handed over row by row it needs 5,688.
- eegnet: a window of 8x1 over a map of eight rows, all of which its one row of outputs needs: 8,256
  of 9,296 bytes. As sums of int32 that grow with each row it would need just as many.
- bcresnet1: two maps of 9,600 of 20,240 bytes: the sum of a block needs its input and the map whose
  mean over all rows is the third summand.
"""


@dataclass(frozen=True)
class Arenas:
    """Bytes of a network.

    Attributes:
        network: its file without the ending.
        whole: whole tensors in the best order, each at a place of its own.
        tflm: activations of TensorFlow Lite Micro.
        plans: of mcucc by name; "streamed" has its input handed over row by row.
        instructions: of a run of these plans, counted.
        in_segments: operators of the smallest plan that run row by row, and how many of each.
    """

    network: str
    whole: int
    tflm: int | None
    plans: dict[str, int]
    instructions: dict[str, int | None]
    in_segments: dict[str, int]


def arenas(network: str) -> Arenas:
    """Plan and compare a network."""
    folder = MODELS / "brought"
    path = folder / f"{network}.onnx"
    calibration = folder / f"{network.partition('__')[0]}_calib.npz"
    plans = mcucc.plan(path, BOARD)
    whole = next(s.arena_bytes for s in plans.strategies if s.name == "whole, best order")
    assert whole is not None
    found = mcucc.compare(path, BOARD, calibration=calibration)
    smallest = mcucc.compile(path, BOARD, calibration=calibration, objective="memory").report
    rows = [layer for step in smallest.steps if step.mode == "rows" for layer in step.layers]
    return Arenas(
        network,
        whole,
        found.tflm_activation_bytes,
        {plan.name: plan.arena_bytes for plan in found.plans},
        {plan.name: plan.instructions for plan in found.plans},
        dict(Counter(smallest.layers[layer].op for layer in rows)),
    )


def line(found: Arenas) -> str:
    """A network in a line."""
    plans = ", ".join(f"{name} {size:,}" for name, size in found.plans.items())
    rows = " ".join(f"{name}:{count}" for name, count in found.in_segments.items())
    tflm = "-" if found.tflm is None else f"{found.tflm:,}"
    return f"{found.network:22} whole {found.whole:,}, TFLM {tflm}, {plans}; rows: {rows or '-'}"


def main() -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("prefix", nargs="*", help="beginnings of file names")
    prefixes: Sequence[str] = parser.parse_args().prefix
    if not (MODELS / "brought").is_dir():
        print(f"The files are missing: {MODELS / 'brought'}; set MCUCC_MODELS.")
        return 2
    found = list[Arenas]()
    for network in NETWORKS:
        if network.startswith(tuple(prefixes) or ""):
            found.append(arenas(network))
            print(line(found[-1]), flush=True)
    if not prefixes:
        RESULTS.write_text(json.dumps([asdict(each) for each in found], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
