"""Faults where C is written, where files are, and where models are read."""

from mutants.mutant import Mutant

_LITERALS = "tests/codegen/test_literals.py"
_SEGMENTS = "tests/kernels/test_segments.py::test_segments_give_the_bits_of_layers"
_IO = "tests/codegen/test_io.py"
_REPLACE = "tests/compiled/test_replace_files.py"
_REFUSALS = "tests/compiled/test_refusals.py"
_FOLDING = "tests/importer/test_float_folding.py"
_OPERATORS = "tests/importer/test_float_operators.py"
_FILES = "tests/importer/test_importer_files.py"

CODEGEN = (
    Mutant(
        "smallest-int-is-a-long",
        "mcucc/kernels/literals.py",
        'return "(-2147483647 - 1)" if value == _INT32_MIN else str(value)',
        "return str(value)",
        (_LITERALS,),
        "-2147483648 is a long in C, and the negation of one.",
    ),
    Mutant(
        "names-end-comments",
        "mcucc/codegen/literals.py",
        'return plain.replace("*/", "* /").replace("/*", "/ *")',
        'return plain.replace("/*", "/ *")',
        (_LITERALS,),
        "A model's name can end a comment and go on as code.",
    ),
    Mutant(
        "identifiers-collide",
        "mcucc/codegen/literals.py",
        "        while candidate in used:\n",
        "        if candidate in used:\n",
        (f"{_LITERALS}::test_identifiers_are_distinct",),
        "The third of three names that resemble each other gets the second one's identifier.",
    ),
    Mutant(
        "floats-of-six-digits",
        "mcucc/codegen/literals.py",
        'text = np.format_float_positional(np.float32(value), unique=True, trim="0")',
        'text = np.format_float_positional(\n        np.float32(value), 6, unique=False, trim="0"\n'
        "    )",
        (_LITERALS,),
        "Scales lose their last bits.",
    ),
    Mutant(
        "rows-needed-beyond-the-map",
        "mcucc/codegen/lower_segment.py",
        'return rows if axis.end(turns - 1) <= height else f"mcucc_min({rows}, {height})"',
        "return rows",
        (_SEGMENTS,),
        "A stage waits for rows of padding, which nobody makes.",
    ),
    Mutant(
        "window-begins-without-padding",
        "mcucc/codegen/lower_segment.py",
        "row = _shifted(row, -axis.pad)",
        "row = _shifted(row, 0)",
        (_SEGMENTS, "tests/kernels/test_borders.py::test_layers_at_borders[portable]"),
        "Windows begin at the map's edge whatever the pads.",
    ),
    Mutant(
        "row-of-padding-is-the-last-layers",
        "mcucc/codegen/lower.py",
        "longest[x.q.zero_point] = max(longest.get(x.q.zero_point, 0), w * c)",
        "longest[x.q.zero_point] = w * c",
        ("tests/kernels/test_kernels_window.py::test_convolutions[portable]",),
        "Layers with the same zero point share a row of padding that is long enough for one.",
    ),
    Mutant(
        "uint8-edges-shift-twice",
        "mcucc/codegen/ports.py",
        "return tuple({tensor.offset: tensor for tensor in tensors}.values())",
        "return tuple(tensors)",
        (f"{_IO}::test_shared_bytes_are_shifted_once",),
        "An output that is a reshape of another is shifted twice.",
    ),
    Mutant(
        "uint8-zero-point-of-int8",
        "mcucc/codegen/ports.py",
        "c_macro_int(quant.zero_point + element.shift),",
        "c_macro_int(quant.zero_point),",
        (_IO,),
        "The header's zero point is that of int8 values though the interface takes uint8.",
    ),
    Mutant(
        "line-breaks-within-brackets",
        "mcucc/codegen/line_width.py",
        'if depth == 0 and text[i : i + 2] == ", ":',
        'if text[i : i + 2] == ", ":',
        ("tests/codegen/test_line_width.py",),
        "Inner arguments are taken for those of the outer call.",
    ),
    Mutant(
        "same-padding-on-the-other-side",
        "mcucc/twin/windows.py",
        "return (rows // 2, rows - rows // 2, columns // 2, columns - columns // 2)",
        "return (rows - rows // 2, rows // 2, columns - columns // 2, columns // 2)",
        ("tests/twin/test_write_twin.py::test_same_padding",),
        "The twin says SAME where the network pads on the other side.",
    ),
)
"""In `mcucc/codegen` and `mcucc/twin`."""

OUTPUT = (
    Mutant(
        "headers-come-first",
        "mcucc/compiled/output/journal.py",
        "staged.sort(key=lambda name: (name == REPORT, _is_header(name)))",
        "staged.sort(key=lambda name: (name == REPORT, not _is_header(name)))",
        (f"{_REPLACE}::test_dying_at_any_operation_leaves_the_old_or_the_new[own folder]",),
        "A build meanwhile finds new headers beside old sources.",
    ),
    Mutant(
        "report-comes-early",
        "mcucc/compiled/output/journal.py",
        "staged.sort(key=lambda name: (name == REPORT, _is_header(name)))",
        "staged.sort(key=lambda name: (name != REPORT, _is_header(name)))",
        (f"{_REPLACE}::test_dying_at_any_operation_leaves_the_old_or_the_new[own folder]",),
        "The new report lies beside old files.",
    ),
    Mutant(
        "journal-names-anything",
        "mcucc/compiled/output/journal.py",
        "if links or not all(map(is_safe_name, names)):",
        "if links:",
        (_REFUSALS,),
        "A damaged journal makes mcucc write or remove files outside of the directory.",
    ),
    Mutant(
        "report-lists-anything",
        "mcucc/compiled/output/owned.py",
        "        if not is_safe_name(name):\n",
        "        if not name:\n",
        (_REFUSALS,),
        "A changed report makes mcucc remove files outside of the directory.",
    ),
    Mutant(
        "files-of-the-user-are-overwritten",
        "mcucc/compiled/output/owned.py",
        "if name not in earlier.files and (path.exists() or path.is_symlink()):",
        "if name not in earlier.files and path.is_symlink():",
        ("tests/cli/test_compile.py::test_files_of_the_users_own_are_never_overwritten",),
        "A file that mcucc did not write is replaced.",
    ),
    Mutant(
        "exchange-loses-the-users-files",
        "mcucc/compiled/output/directory.py",
        "            for name in kept:\n",
        "            for name in kept[1:]:\n",
        (_REPLACE,),
        "A file of the user's own is gone after a compilation.",
    ),
    Mutant(
        "outputs-in-the-layout-of-inputs",
        "mcucc/compiled/samples.py",
        "tuple(int(a) for a in np.argsort(port.perm))",
        "tuple(int(a) for a in port.perm)",
        ("tests/cli/test_run.py::test_names_layout_and_order_are_those_of_the_onnx_file",),
        "Outputs that are maps come back with their axes moved the wrong way.",
    ),
)
"""In `mcucc/compiled`."""

IMPORTER = (
    Mutant(
        "layouts-of-equal-bytes-differ",
        "mcucc/importer/layout/layout.py",
        "if loops and step == loops[-1][0] * loops[-1][1]:",
        "if loops and step == loops[-1][0] * loops[-1][1] + 1:",
        (f"{_FOLDING}::test_the_byte_order_tells_layouts_apart_that_differ", _FOLDING),
        "Reshapes that move nothing become transpositions.",
    ),
    Mutant(
        "transpositions-merge-too-much",
        "mcucc/importer/layout/layout.py",
        "if groups and place[axis] == place[groups[-1][-1]] + 1:",
        "if groups and place[axis] > place[groups[-1][-1]]:",
        (f"{_FOLDING}::test_transpositions_are_merged",),
        "Axes that are not neighbors are moved as one.",
    ),
    Mutant(
        "pads-of-a-sequence",
        "mcucc/importer/layout/maps.py",
        'wide["pads"] = (before, 0, after, 0)',
        'wide["pads"] = (before, after, 0, 0)',
        (f"{_OPERATORS}::test_conv_of_sequences_reshapes_at_the_edges_alone",),
        "What is padded behind a sequence becomes padding beside it.",
    ),
    Mutant(
        "external-data-from-anywhere",
        "mcucc/importer/file/external.py",
        'if "\\0" in name or not Path(os.path.realpath(file)).is_relative_to(folder):',
        'if "\\0" in name:',
        (f"{_FILES}::test_the_digest_reads_nothing_outside_of_the_directory",),
        "A model reads files outside of its folder.",
    ),
    Mutant(
        "digest-without-names",
        "mcucc/importer/file/external.py",
        'whole.update(f"{_file_digest(path, name, file)} {name}\\n".encode())',
        'whole.update(f"{name}\\n".encode())',
        (_FILES,),
        "A model whose external data were changed has the same digest.",
    ),
)
"""In `mcucc/importer`."""

MUTANTS = (*CODEGEN, *OUTPUT, *IMPORTER)
