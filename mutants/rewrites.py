"""Faults in passes over int8 graphs."""

from mutants.mutant import Mutant

_PASSES = "mcucc/passes/int8_"
_DROP = "tests/passes/test_drop_channels.py"
_KEPT = "tests/passes/test_kept_channels.py"
_INT8 = "tests/passes/test_int8_passes.py"

MUTANTS = (
    Mutant(
        "known-channels-without-overflow-guard",
        f"{_PASSES}/known_channels.py",
        "return (ends[0] == ends[1]) & (abs(bounds).max(axis=0) < np.int64(1) << (31 - left))",
        "return ends[0] == ends[1]",
        (f"{_DROP}::test_a_shift_that_leaves_32_bits_makes_no_constant",),
        "A channel whose scaled ends agree only because they wrap is taken for constant.",
    ),
    Mutant(
        "known-channels-with-another-border",
        f"{_PASSES}/known_channels.py",
        "uniform[name] = mask & (pixels == pixels[0]).all(axis=0)",
        "uniform[name] = mask & (pixels[-1] == pixels[0])",
        (f"{_KEPT}::test_a_border_that_is_the_same_on_all_sides",),
        "A channel that differs between border and inside goes into one bias.",
    ),
    Mutant(
        "known-channels-of-a-concatenation",
        f"{_PASSES}/known_channels.py",
        "return np.concatenate(mine)",
        "return np.concatenate(mine[::-1])",
        (f"{_DROP}::test_a_concatenation_of_unlike_parts",),
        "Constant channels of a concatenation are looked for at the wrong place.",
    ),
    Mutant(
        "spare-channels-under-padding",
        f"{_PASSES}/spare_channels.py",
        "            found[self.known.numbers[x] != zero_point] = self._number(reason)\n",
        "            found[self.known.numbers[x] != zero_point] *= self._number(reason)\n",
        (f"{_KEPT}::test_padding_with_another_number",),
        "A constant goes into the bias though windows at the border meet padding instead.",
    ),
    Mutant(
        "spare-channels-padding-on-the-right",
        f"{_PASSES}/spare_channels.py",
        "axis.first(0) < 0 or axis.end(last - 1) > size",
        "axis.first(0) < 0",
        (_KEPT,),
        "Padding below and on the right is overlooked.",
    ),
    Mutant(
        "spare-channels-of-sums-that-overflow",
        f"{_PASSES}/spare_channels.py",
        "if max(max_abs_partial_sum(self.graph, node)) >= 1 << 31:",
        "if max(max_abs_partial_sum(self.graph, node)) >= 1 << 40:",
        (f"{_KEPT}::test_accumulators_that_may_overflow",),
        "A constant goes into a bias that may overflow.",
    ),
    Mutant(
        "spare-channels-of-a-sum",
        f"{_PASSES}/spare_channels.py",
        "yield name, np.where(alone & (joined > 0), mixed, joined)",
        "yield name, self.objections[name]",
        (_KEPT, _DROP),
        "Operands and output of a sum lose different channels.",
    ),
    Mutant(
        "folded-pads-of-one",
        f"{_PASSES}/fold_pad.py",
        "(a + b for a, b in zip(first, second, strict=True))",
        "(max(a, b) for a, b in zip(first, second, strict=True))",
        (_INT8,),
        "Of two paddings the larger is kept instead of both.",
    ),
    Mutant(
        "folded-pad-of-an-output",
        f"{_PASSES}/fold_pad.py",
        "if node.output in graph.output_tensors:",
        "if node.output not in graph.tensors:",
        (f"{_INT8}::test_a_padded_map_that_is_an_output_stays",),
        "A padded map that the caller wants is gone.",
    ),
    Mutant(
        "unread-outputs-are-dropped",
        f"{_PASSES}/drop_unread.py",
        "if not graph.readers[node.output] and node.output not in graph.output_tensors",
        "if not graph.readers[node.output] and node is not graph.nodes[-1]",
        (f"{_INT8}::test_outputs_and_what_is_read_are_not_dropped", _INT8),
        "All outputs but the last are dropped.",
    ),
)
