"""Faults in what moves pixels row by row."""

from mutants.mutant import Mutant

_C = "runtime_c/movement"
_ROWS = "tests/kernels/test_more_ops_rows.py"
_SLICES = "tests/kernels/test_more_ops_movement.py::test_slices"

MUTANTS = (
    Mutant(
        "slice-forgets-where-a-run-begins",
        f"{_C}/mcucc_slice.h",
        "const int8_t *in = &rows[0][p->first + (x_begin * p->in_c)];",
        "const int8_t *in = &rows[0][p->first];",
        (_ROWS,),
        "Every run has the pixels of the first one.",
    ),
    Mutant(
        "slice-of-few-channels-takes-one-less",
        f"{_C}/mcucc_copy.h",
        "for (int32_t i = 0; i < count; i++) {",
        "for (int32_t i = 0; i + 1 < count; i++) {",
        (_SLICES, _ROWS),
        "The last channel of a small pixel is left as it was.",
    ),
    Mutant(
        "slice-is-pulled-a-row-too-early",
        "mcucc/ops/movement.py",
        "return Window(Axis(pad=-self.first_pixel[0]), Axis(pad=-self.first_pixel[1]))",
        "return Window(Axis(pad=1 - self.first_pixel[0]), Axis(pad=-self.first_pixel[1]))",
        (_SLICES,),
        "A block of rows begins one row too early.",
    ),
    Mutant(
        "block-of-the-row-above",
        f"{_C}/mcucc_depth_to_space.h",
        "const int32_t line = (y % p->rows) * p->columns;",
        "const int32_t line = ((y + p->rows - 1) % p->rows) * p->columns;",
        ("tests/operators/test_depth_to_space.py::test_c_agrees[portable]",),
        "Each row of a block has the pixels of the one above.",
    ),
    Mutant(
        "block-begins-where-the-run-does",
        f"{_C}/mcucc_depth_to_space.h",
        "int32_t column = x_begin % p->columns;",
        "int32_t column = 0;",
        ("tests/kernels/test_kernels_rows.py",),
        "A run that begins within a block takes its first pixels again.",
    ),
    Mutant(
        "gathered-rows-are-one",
        f"{_C}/mcucc_space_to_depth.h",
        "&rows[k][x * p->line], p->line);",
        "&rows[0][x * p->line], p->line);",
        ("tests/operators/test_space_to_depth.py::test_c_agrees[portable]",),
        "All rows of a block are its first.",
    ),
    Mutant(
        "mirror-at-the-end-repeats-it",
        f"{_C}/mcucc_mirror_pad.h",
        "return (size - 1) - (((i - size + 1) * step) - back);",
        "return (size - 1) - (((i - size) * step) - back);",
        ("tests/operators/test_mirror_pad.py::test_c_agrees[portable]",),
        "What is mirrored at the far end is one pixel off.",
    ),
    Mutant(
        "mirrored-rows-are-let-go",
        "mcucc/schedule/stages.py",
        "return earliest(first)",
        "return first",
        ("tests/operators/test_mirror_pad.py::test_it_stands_in_a_segment",),
        "Rows that a border reads again are overwritten.",
    ),
    Mutant(
        "mirrored-pixels-are-overwritten",
        "mcucc/schedule/segments/distance.py",
        "oldest = earliest(np.clip(axis.first(every), 0, pixels))",
        "oldest = np.clip(axis.first(every), 0, pixels)",
        ("tests/operators/test_mirror_pad.py::test_its_pixels_come_a_few_at_a_time",),
        "A map is written over pixels that its border on the right still reads.",
    ),
    Mutant(
        "first-row-of-a-band-is-of-the-one-before",
        "runtime_c/depthwise/mcucc_bands.h",
        "end <= y; end += p->height",
        "end < y; end += p->height",
        ("tests/operators/test_band_scale.py::test_c_agrees",),
        "The first row of each band but the first has the factors of the band above.",
    ),
    Mutant(
        "bands-of-a-norm-have-the-first-ones-channels",
        "mcucc/importer/rules/norm.py",
        "each[channels.ravel()]",
        "each[np.sort(channels.ravel())]",
        ("tests/operators/test_band_scale.py::test_a_sub_spectral_norm",),
        "Factors go to other bands and channels than the file says.",
    ),
    Mutant(
        "blocks-sink-with-channels-in-the-other-order",
        "mcucc/passes/float_/sink_blocks.py",
        "data = data.repeat(count, axis=-1)",
        "data = np.concatenate([data] * count, axis=-1)",
        ("tests/passes/test_sink_blocks.py",),
        "Factors of channels (c, row, column) are those of (row, column, c).",
    ),
    Mutant(
        "state-that-rows-make-is-not-seen",
        "mcucc/codegen/lower_segment.py",
        "alike = {stage.value}",
        "alike = {self._whole.home(stage.content)}",
        ("tests/kernels/test_states.py::test_sequences",),
        "The next value of a state is looked for under the name of the old one.",
    ),
)
