"""Runs a .tflite file on the reference kernels of tflite-runtime: MODEL.tflite IN.npy OUT.npy.

It runs under a Python environment of its own (see .ci/setup), because tflite-runtime needs numpy
below 2; so it must not import mcucc.
"""

import sys

import numpy as np
from tflite_runtime import interpreter as tflite


def main(model: str, inputs: str, outputs: str) -> None:
    # Its default kernels differ in fully-connected layers, means and softmax.
    judge = tflite.Interpreter(
        model_path=model, experimental_op_resolver_type=tflite.OpResolverType.BUILTIN_REF
    )
    judge.allocate_tensors()
    found = []
    for sample in np.load(inputs):
        judge.set_tensor(judge.get_input_details()[0]["index"], sample[None])
        judge.invoke()
        found.append(judge.get_tensor(judge.get_output_details()[0]["index"])[0])
    np.save(outputs, np.stack(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
