"""From when to when each buffer and each value is needed, in steps, half-open."""

from collections.abc import Mapping, Sequence

from mcucc.memory import Buffer
from mcucc.ops import Int8Graph, Int8Node
from mcucc.schedule.work import Work, members

Life = tuple[int, int]


def content_lives(work: Work, order: Sequence[int]) -> tuple[Life, ...]:
    """For each content the steps from the one that writes it to the last that reads it.

    Inputs are there from step 0. What must outlive the run lives until after the last step. What
    nobody reads lives for one step.
    """
    step_of = {task: step for step, task in enumerate(order)}
    lives: list[Life] = []
    for content in work.contents:
        start = 0 if content.writer is None else step_of[content.writer]
        last = max((step_of[reader] for reader in members(content.readers)), default=start)
        end = max(len(order), 1) if content.kept else last + 1
        lives.append((start, end))
    return tuple(lives)


def value_lives(
    graph: Int8Graph, nodes: Sequence[Int8Node], *, keep_input: bool
) -> Mapping[str, Life]:
    """For each value the steps from the one that makes it to the last that reads it.

    As `content_lives`, but a value and its reshapes have their own lives.
    """
    step_of = {node.name: step for step, node in enumerate(nodes)}
    kept = set(graph.output_tensors)
    if keep_input:
        kept |= {port.tensor for port in graph.inputs}
    lives: dict[str, Life] = {}
    for value in graph.tensors:
        start = step_of[graph.producers[value].name] if value in graph.producers else 0
        last = max((step_of[reader.name] for reader in graph.readers[value]), default=start)
        lives[value] = (start, max(len(nodes), 1) if value in kept else last + 1)
    return lives


def value_buffers(
    work: Work, homes: Sequence[int], lives: Sequence[Life], alignment: int
) -> tuple[Buffer, ...]:
    """The buffers of the contents; contents that share one follow each other in time.

    Args:
        work: the graph.
        homes: for each content the first content of its buffer.
        lives: for each content its life.
        alignment: of every buffer, bytes.
    """
    shared: dict[int, list[Life]] = {}
    for home, life in zip(homes, lives, strict=True):
        shared.setdefault(home, []).append(life)
    return tuple(
        Buffer(
            name=work.contents[home].values[0],
            size=work.contents[home].size,
            start=min(start for start, _ in all_lives),
            end=max(end for _, end in all_lives),
            alignment=alignment,
        )
        for home, all_lives in shared.items()
    )
