"""Faults in what runs hand on to each other, and in what lately came beside it."""

from mutants.mutant import Mutant

_PLANS = "tests/schedule/test_states.py"
_C = "tests/kernels/test_states.py"
_FILES = "tests/importer/tflite/test_state.py"

MUTANTS = (
    Mutant(
        "state-is-rewritten-before-it-is-read",
        "mcucc/schedule/order/memory_graph.py",
        "replace(task, needs=task.needs | (before.get(i, 0) & ~(1 << i)))",
        "replace(task, needs=task.needs)",
        (_PLANS, _C),
        "The next value of a state is made as early as its inputs allow.",
    ),
    Mutant(
        "segment-rewrites-the-state-that-it-reads",
        "mcucc/schedule/segments/candidates.py",
        "rewritten = {new for old, new in ordered.states if old in item.reads}",
        "rewritten = {new for old, new in ordered.states if new in item.reads}",
        (_PLANS,),
        "Stages of one segment read a state and write its next value row by row.",
    ),
    Mutant(
        "state-is-not-copied-for-late-readers",
        "mcucc/passes/int8_/copy_states.py",
        "return late or over",
        "return over",
        (_PLANS,),
        "A state is overwritten though a later node reads the old value.",
    ),
    Mutant(
        "sequence-stands-still",
        "mcucc/reference/sequence.py",
        "states = {state.source: made[state.update] for state in graph.states}",
        "states = {state.source: made[state.source] for state in graph.states}",
        (_FILES, _C),
        "Every run of a sequence finds what the first one found.",
    ),
    Mutant(
        "state-begins-with-the-integer-zero",
        "mcucc/codegen/states.py",
        "zero_point=graph.tensors[state.source].q.zero_point,",
        "zero_point=0,",
        (_C,),
        "A reset writes 0 in place of the zero point.",
    ),
    Mutant(
        "variable-that-is-read-again-is-the-old-one",
        "mcucc/importer/tflite/state.py",
        "if variable in known.left:",
        "if variable in known.left and variable not in known.found:",
        (_FILES,),
        "What a run has assigned to a variable is not what it reads of it afterwards.",
    ),
    Mutant(
        "gathered-taps-reach-beyond-the-row",
        "runtime_c/depthwise/mcucc_gather.h",
        "(inside || ((x >= 0) && (x < in_w)))",
        "(inside || (x >= 0))",
        ("tests/kernels/test_depthwise_gather.py",),
        "Taps in the padding on the right are read from the next row.",
    ),
)
