"""Faults in the memory planner: offsets, their bounds, schedules, and what proves them."""

from mutants.mutant import Mutant

_MEMORY = "mcucc/memory"
_SCHEDULE = "mcucc/schedule"
_PLACE = "tests/memory/test_memory_place.py"
_OVERLAP = "tests/memory/test_memory_overlap.py"
_VALIDATE = "tests/memory/test_memory_validate.py"
_PROBLEM = "tests/memory/test_memory_problem.py"
_REPLAY = "tests/schedule/test_replay.py"
_EVERY_READ = f"{_REPLAY}::test_every_read_finds_its_row"
_ORDER = "tests/schedule/test_schedule_order.py"
_PLAN = "tests/schedule/test_schedule_plan.py"
_SCRATCH = "tests/schedule/test_scratch.py"

OFFSETS = (
    Mutant(
        "first-fit-ignores-overlaps",
        f"{_MEMORY}/greedy.py",
        "(placed[j] - below, placed[j] + above)",
        "(placed[j] - below, placed[j] + rules.buffers[j].size)",
        (f"{_OVERLAP}::test_first_fit_lays_an_input_over_an_output_that_was_placed_first",),
        "An output never lies over its dying input: arenas are larger than they need to be.",
    ),
    Mutant(
        "first-fit-forgets-alignment",
        f"{_MEMORY}/greedy.py",
        "offset = align_up(high, rules.buffers[i].alignment)",
        "offset = high",
        (f"{_PLACE}::test_placements_are_valid_and_ordered",),
        "Buffers begin where the one below ends.",
    ),
    Mutant(
        "lives-that-meet-in-one-step",
        f"{_MEMORY}/clearance.py",
        "return one.start < other.end and other.start < one.end",
        "return one.start < other.end - 1 and other.start < one.end - 1",
        (f"{_PLACE}::test_placements_are_valid_and_ordered",),
        "Two buffers that share a single step may share bytes.",
    ),
    Mutant(
        "upper-and-lower-of-an-overlap",
        f"{_MEMORY}/clearance.py",
        "above = distances.get((one.name, other.name), one.size)",
        "above = distances.get((other.name, one.name), one.size)",
        (_OVERLAP,),
        "The distance of an overlap is kept in the wrong direction.",
    ),
    Mutant(
        "stacked-bound-counts-the-top-padding",
        f"{_MEMORY}/bound.py",
        "return sum(buffer.size for buffer in buffers) + sum(padding) - max(padding)",
        "return sum(buffer.size for buffer in buffers) + sum(padding)",
        (f"{_PROBLEM}::test_padding_counts_in_the_bound_only_where_it_is_certain",),
        "The lower bound is above what is possible.",
    ),
    Mutant(
        "overlap-bound-counts-the-top-padding",
        f"{_MEMORY}/bound.py",
        "return max(start + align_up(upper.size, alignment), offset) - padding",
        "return max(start + align_up(upper.size, alignment), offset)",
        (f"{_OVERLAP}::test_the_bound_of_any_step_is_a_bound",),
        "The same where one buffer lies over others.",
    ),
    Mutant(
        "overlap-bound-stacks-in-the-wrong-order",
        f"{_MEMORY}/bound.py",
        "lengths.sort(key=lambda length: length[0] - length[1])",
        "lengths.sort(key=lambda length: length[1] - length[0])",
        (f"{_OVERLAP}::test_the_bound_of_any_step_is_a_bound",),
        "Stacked the wrong way, the bound is above what is possible.",
    ),
    Mutant(
        "search-sinks-too-little",
        f"{_MEMORY}/exact.py",
        "if reach - drops[i] <= floor < sinking",
        "if reach <= floor < sinking",
        (f"{_OVERLAP}::test_a_buffer_sinks_below_one_that_was_set_down_before_it",),
        "Placements with negative distances are never tried, and called impossible.",
    ),
    Mutant(
        "search-without-relief",
        f"{_MEMORY}/exact.py",
        "return top - self.relief",
        "return top",
        (_PLACE,),
        "A crowd whose topmost buffer needs no padding is taken for too high.",
    ),
    Mutant(
        "search-that-gave-up-proves",
        f"{_MEMORY}/exact.py",
        "exhausted = not attempt.gave_up and not tables.cyclic",
        "exhausted = not tables.cyclic",
        (f"{_PLACE}::test_a_budget_that_runs_out_is_admitted", _PLACE),
        "A placement is called optimal though the search ran out of nodes.",
    ),
    Mutant(
        "search-overspends",
        f"{_MEMORY}/exact.py",
        "if self.nodes + self._tables.weights[i] > self._budget:",
        "if self.nodes > self._budget + 64:",
        (f"{_PLACE}::test_the_search_stays_within_its_budget",),
        "More nodes are visited than the budget allows.",
    ),
    Mutant(
        "validator-lets-misaligned-pass",
        f"{_MEMORY}/validate.py",
        "if placement.offsets[buffer.name] % buffer.alignment != 0:",
        "if placement.offsets[buffer.name] % min(buffer.alignment, 2) != 0:",
        (f"{_VALIDATE}::test_each_corruption_is_caught",),
        "An offset that is even is good for every alignment.",
    ),
    Mutant(
        "validator-knows-neighbors-in-time",
        f"{_MEMORY}/validate.py",
        "same_steps = max(a.start, b.start) < min(a.end, b.end)",
        "same_steps = max(a.start, b.start) <= min(a.end, b.end)",
        (f"{_VALIDATE}::test_neighbours_in_space_and_in_time_do_not_overlap",),
        "A buffer that begins when another ends is said to overlap it.",
    ),
    Mutant(
        "validator-is-off-by-a-byte",
        f"{_MEMORY}/validate.py",
        "return upper - lower >= overlap.distance",
        "return upper - lower >= overlap.distance - 1",
        (f"{_OVERLAP}::test_each_distance_is_held_to_the_byte",),
        "A distance may be a byte too small.",
    ),
)
"""In `mcucc/memory`."""

SCHEDULES = (
    Mutant(
        "writes-end-a-row-earlier",
        f"{_SCHEDULE}/segments/distance.py",
        "return (rows + 1) * writer.stage.row_bytes",
        "return rows * writer.stage.row_bytes",
        (_EVERY_READ, _REPLAY),
        "A row is written over a dying tensor's row that is still read.",
    ),
    Mutant(
        "distance-forgets-the-pads",
        f"{_SCHEDULE}/segments/distance.py",
        "oldest = earliest(np.clip(axis.first(every), 0, pixels))",
        "oldest = earliest(np.clip(axis.first(every) + axis.pad, 0, pixels))",
        (_EVERY_READ, f"{_REPLAY}::test_a_distance_is_enough_and_one_byte_less_is_not"),
        "Pixels left of a window are taken for dead though padding lets the window reach them.",
    ),
    Mutant(
        "distance-of-a-gate",
        f"{_SCHEDULE}/segments/distance.py",
        "if read.is_gate or kernel is None or kernel.access is Access.WHOLE:",
        "if kernel is None or kernel.access is Access.WHOLE:",
        (_EVERY_READ, f"{_REPLAY}::test_each_distance_is_enough"),
        "A gate is written over while later pixels read it.",
    ),
    Mutant(
        "ring-is-a-row-short",
        f"{_SCHEDULE}/segments/pulls.py",
        "return max(1, int((made - oldest).max(initial=1)))",
        "return max(1, int((made - oldest).max(initial=1)) - 1)",
        (_EVERY_READ,),
        "The oldest row that is needed is overwritten by the newest.",
    ),
    Mutant(
        "rows-needed-without-dilation",
        f"{_SCHEDULE}/stages.py",
        "return np.clip(self.window.rows.end(turns), 0, self.shape[0])",
        "return np.clip(self.window.rows.first(turns) + self.window.rows.taps, 0, self.shape[0])",
        (_EVERY_READ, "tests/kernels/test_segments.py::test_segments_give_the_bits_of_layers"),
        "A dilated window is computed before its last row was made.",
    ),
    Mutant(
        "rows-die-a-pad-early",
        f"{_SCHEDULE}/stages.py",
        "first = np.clip(self.window.rows.first(turns), 0, self.shape[0])",
        "first = np.clip(self.window.rows.first(turns + self.window.rows.pad), 0, self.shape[0])",
        (_EVERY_READ,),
        "A row is taken for dead as many turns early as there is padding.",
    ),
    Mutant(
        "tensors-die-a-step-early",
        f"{_SCHEDULE}/assemble.py",
        "end=step_of[lifetime.last] + 1 if",
        "end=max(step_of[lifetime.last], step_of[max(lifetime.born, 0)] + 1) if",
        (f"{_PLAN}::test_every_read_finds_its_tensor", _EVERY_READ),
        "The last reader of a tensor finds another one there.",
    ),
    Mutant(
        "values-die-a-step-early",
        f"{_SCHEDULE}/assemble.py",
        "max(steps, 1) if value in kept else last + 1)",
        "max(steps, 1) if value in kept else max(last, start + 1))",
        (f"{_REPLAY}::test_every_read_finds_its_row", _PLAN),
        "What the report says of lives is not what the steps read.",
    ),
    Mutant(
        "kept-inputs-are-not",
        f"{_SCHEDULE}/assemble.py",
        "    if keep_input:\n        kept |= {port.tensor for port in graph.inputs}\n    lives",
        "    lives",
        (_REPLAY, _PLAN),
        "The report says that a kept input dies with its last reader.",
    ),
    Mutant(
        "dead-ranges-miss-the-end",
        f"{_SCHEDULE}/occupancy.py",
        "ranges.append((reached, plan.arena_bytes))",
        "ranges.append((reached, plan.arena_bytes - 1))",
        (f"{_PLAN}::test_dead_ranges_are_what_no_buffer_holds",),
        "The arena's last byte is said to be in use.",
    ),
    Mutant(
        "scratch-wherever-it-nearly-fits",
        f"{_SCHEDULE}/gaps.py",
        "return fastest if fastest.scratch_bytes <= room else kernel",
        "return fastest if fastest.scratch_bytes <= room + 16 else kernel",
        (_SCRATCH,),
        "Scratch reaches into tensors that live.",
    ),
    Mutant(
        "contents-never-end",
        f"{_SCHEDULE}/order/cost.py",
        "touched & ~self._ended(task, state.done),",
        "touched,",
        (f"{_ORDER}::test_the_cost_of_an_order_is_the_peak_of_its_buffers",),
        "Orders are compared as if nothing ever died.",
    ),
    Mutant(
        "padding-is-thrown-away",
        f"{_SCHEDULE}/order/cost.py",
        "return made < freed or (made == freed and its_padding >= their_padding)",
        "return made <= freed",
        (f"{_ORDER}::test_the_padding_of_the_topmost_buffer_is_not_thrown_away",),
        "A step that loses the topmost buffer's padding is taken for free.",
    ),
    Mutant(
        "beam-search-always-proves",
        f"{_SCHEDULE}/order/search.py",
        'return Order(found, model.peak(found), "budget", peak, exact.reached, *extended)',
        'return Order(found, model.peak(found), "budget", peak, model.peak(found), *extended)',
        (_ORDER,),
        "An order is said to be the best though not all were looked at.",
    ),
    Mutant(
        "order-search-goes-for-dear-sets",
        f"{_SCHEDULE}/order/search.py",
        "if peak >= self._below or (known is not None and known[0] <= peak):",
        "if known is not None:",
        (f"{_ORDER}::test_no_order_has_a_lower_peak",),
        "A set keeps the first peak it was reached with, whatever a later path needs.",
    ),
    Mutant(
        "in-place-while-others-read",
        f"{_SCHEDULE}/order/inplace.py",
        "size and memory.is_last_reader(content, task, done):",
        "size:",
        (_ORDER, _PLAN),
        "Orders are compared as if a tensor could be written over while others need it.",
    ),
    Mutant(
        "proof-allows-one-pixel-more",
        f"{_SCHEDULE}/proof/shadow.py",
        "late = last >= element // pixel_bytes",
        "late = last > element // pixel_bytes",
        (f"{_REPLAY}::test_a_distance_is_enough_and_one_byte_less_is_not", _REPLAY),
        "The proof lets a kernel write a pixel over what the same pixel still reads.",
    ),
    Mutant(
        "proof-believes-dead-bytes",
        f"{_SCHEDULE}/proof/shadow.py",
        "        for begin, end in ranges:\n            touched = self.touched[begin:end]",
        "        for begin, end in ranges:\n            touched = self.touched[begin : end - 1]",
        (f"{_REPLAY}::test_each_byte_of_a_dead_range_is_looked_at",),
        "The last byte of a range that is said to be dead may be used.",
    ),
    Mutant(
        "proof-counts-no-rows",
        f"{_SCHEDULE}/proof/replay.py",
        "self.macs += macs * done.rows_made * (end - begin) // (done.height * width)",
        "self.macs += macs * (end - begin) // width",
        (f"{_REPLAY}::test_rows_that_nobody_makes_are_missed",),
        "A plan that makes rows twice, or not at all, has the right number of products.",
    ),
    Mutant(
        "strips-of-a-column-less",
        f"{_SCHEDULE}/strips.py",
        "np.clip(axis.end(own[1] - 1), begin + 1, width)",
        "np.clip(axis.end(own[1] - 1) - 1, begin + 1, width)",
        ("tests/schedule/test_strips.py::test_every_read_finds_its_columns",),
        "The last pixel of a strip reads a column that the strip does not hold.",
    ),
)
"""In `mcucc/schedule`."""

MUTANTS = (*OFFSETS, *SCHEDULES)
