"""Random int8 networks on maps: everything that can run row by row, and some that cannot."""

from collections.abc import Callable

from hypothesis import strategies as st

from mcucc.ops import Int8Graph
from mcucc.ops.movement import DepthToSpace, SpaceToDepth
from mcucc.ops.padding import MirrorPad
from mcucc.ops.resize import COORDINATES, ResizeBilinear
from tests.graphs import GraphBuilder, quant

Q = quant(0.05, 3)
MOST_ROWS = 12
MOST_PIXELS = 8
MOST_CHANNELS = 12

Pair = tuple[int, int]


@st.composite
def drawn_maps(draw: st.DrawFn, max_nodes: int, max_inputs: int = 1) -> Int8Graph:
    """Chains and DAGs of convolutions, pools, sums, concats, gates, reshapes and movements.

    Maps have 1 to 12 rows. Some values are read by nobody, inner ones may be outputs; the last one
    always is.

    Args:
        draw: of hypothesis.
        max_nodes: about how many nodes; what takes several counts as one.
        max_inputs: of the network.
    """
    builder = GraphBuilder()
    for _ in range(draw(st.integers(1, max_inputs))):
        shape = (1, draw(st.integers(1, MOST_ROWS)), draw(st.integers(1, MOST_PIXELS)))
        builder.input((*shape, draw(st.integers(1, 4))), Q)
    for _ in range(draw(st.integers(1, max_nodes))):
        kind = draw(st.sampled_from(sorted(_KINDS)))
        _KINDS[kind](draw, builder, _chosen(draw, builder))
    if draw(st.integers(0, 3)) == 0:
        _head(draw, builder)
    # Outputs inside end segments: both networks with and without them are wanted.
    inner = st.lists(st.sampled_from(sorted(builder.tensors)), max_size=1)
    outputs = draw(inner) if draw(st.integers(0, 3)) == 0 else []
    return builder.build(*dict.fromkeys((list(builder.tensors)[-1], *outputs)))


def _chosen(draw: st.DrawFn, builder: GraphBuilder) -> str:
    """The newest map most of the time, or any."""
    maps = [name for name, kind in builder.tensors.items() if len(kind.shape) == 4]
    return maps[-1] if draw(st.integers(0, 3)) else draw(st.sampled_from(maps))


def _map(builder: GraphBuilder, x: str) -> tuple[int, int, int]:
    return builder.tensors[x].hwc


def _channels(draw: st.DrawFn) -> int:
    return draw(st.sampled_from((1, 2, 3, 4, 8, MOST_CHANNELS)))


def _axis(draw: st.DrawFn, size: int, most_taps: int) -> tuple[int, int, int, Pair]:
    """Taps, stride, dilation and padding along an axis, such that something is left of it."""
    taps = draw(st.integers(1, most_taps))
    dilation = draw(st.integers(1, 3)) if taps > 1 else 1
    reach = (taps - 1) * dilation
    before, after = draw(st.integers(0, reach)), draw(st.integers(0, reach))
    if size + before + after <= reach:
        before, after = reach // 2, reach - reach // 2
    return taps, draw(st.integers(1, 3)), dilation, (before, after)


def _sliding(draw: st.DrawFn, builder: GraphBuilder, x: str, *, depthwise: bool) -> str:
    rows, pixels, _ = _map(builder, x)
    kh, sy, dy, (top, bottom) = _axis(draw, rows, 7)
    kw, sx, dx, (left, right) = _axis(draw, pixels, 5)
    kernel, stride, dilation = (kh, kw), (sy, sx), (dy, dx)
    pads = _no_larger((top, bottom, left, right), (rows, pixels), kernel, stride, dilation)
    if depthwise:
        multiplier = 2 if _map(builder, x)[2] <= 4 and draw(st.booleans()) else 1
        return builder.depthwise(
            x, kernel, multiplier=multiplier, stride=stride, dilation=dilation, pads=pads, q=Q
        )
    return builder.conv(
        x, _channels(draw), kernel, stride=stride, dilation=dilation, pads=pads, q=Q
    )


def _no_larger(
    pads: tuple[int, int, int, int], size: Pair, kernel: Pair, stride: Pair, dilation: Pair
) -> tuple[int, int, int, int]:
    """The same padding, or as much as keeps a map from growing beyond bounds."""
    top, bottom, left, right = pads
    reach = tuple((k - 1) * d for k, d in zip(kernel, dilation, strict=True))
    if (size[0] + top + bottom - reach[0] - 1) // stride[0] + 1 > MOST_ROWS:
        top, bottom = reach[0] // 2, reach[0] - reach[0] // 2
    if (size[1] + left + right - reach[1] - 1) // stride[1] + 1 > MOST_PIXELS:
        left, right = reach[1] // 2, reach[1] - reach[1] // 2
    return top, bottom, left, right


def _conv(draw: st.DrawFn, builder: GraphBuilder, x: str) -> None:
    _sliding(draw, builder, x, depthwise=False)


def _depthwise(draw: st.DrawFn, builder: GraphBuilder, x: str) -> None:
    _sliding(draw, builder, x, depthwise=True)


def _pointwise(draw: st.DrawFn, builder: GraphBuilder, x: str) -> None:
    builder.conv(x, _channels(draw), (1, 1), q=Q)


def _pointwise_twice(draw: st.DrawFn, builder: GraphBuilder, x: str) -> None:
    """What wide inner tensors look like: expand, filter, project."""
    wide = builder.conv(x, MOST_CHANNELS, (1, 1), q=Q)
    builder.conv(builder.depthwise(wide, (3, 3), q=Q), _channels(draw), (1, 1), q=Q)


def _residual(draw: st.DrawFn, builder: GraphBuilder, x: str) -> None:
    """A sum of a map and of what a few layers make of it."""
    y, channels = x, _map(builder, x)[2]
    for _ in range(draw(st.integers(1, 2))):
        y = builder.conv(y, channels, draw(st.sampled_from(((1, 1), (3, 3), (5, 1)))), q=Q)
    left, right = (x, y) if draw(st.booleans()) else (y, x)
    (builder.add if draw(st.booleans()) else builder.sub)(left, right, q=Q)


def _sum(draw: st.DrawFn, builder: GraphBuilder, x: str) -> None:
    """A sum, difference or product of any two maps of the same size, or with a constant."""
    shape = builder.tensors[x].shape
    alike = sorted(name for name, kind in builder.tensors.items() if kind.shape == shape)
    other = draw(st.sampled_from((*alike, "constant")))
    if other == "constant":
        other = builder.constant(shape, Q)
    draw(st.sampled_from((builder.add, builder.sub, builder.mul)))(x, other, q=Q)


def _concat(draw: st.DrawFn, builder: GraphBuilder, x: str) -> None:
    rows, pixels, channels = _map(builder, x)
    alike = sorted(
        name
        for name, kind in builder.tensors.items()
        if kind.shape[:-1] == (1, rows, pixels) and kind.q == Q
    )
    if builder.tensors[x].q != Q or channels > MOST_CHANNELS:
        builder.requantize(x, Q)
        return
    builder.concat(x, *draw(st.lists(st.sampled_from(alike), min_size=1, max_size=2)))


def _pool(draw: st.DrawFn, builder: GraphBuilder, x: str) -> None:
    rows, pixels, _ = _map(builder, x)
    kernel = (draw(st.integers(1, min(4, rows))), draw(st.integers(1, min(4, pixels))))
    if draw(st.integers(0, 4)) == 0:
        kernel = (rows, pixels)
    stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    pads = (0, 0, 0, 0)
    if draw(st.booleans()):
        top, left = draw(st.integers(0, kernel[0] - 1)), draw(st.integers(0, kernel[1] - 1))
        pads = (top, kernel[0] - 1 - top, left, kernel[1] - 1 - left)
    method = builder.max_pool if draw(st.booleans()) else builder.average_pool
    method(x, kernel, stride=stride, pads=pads)


def _resize(draw: st.DrawFn, builder: GraphBuilder, x: str) -> None:
    rows, pixels, _ = _map(builder, x)
    factor = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    fits = rows * factor[0] <= MOST_ROWS and pixels * factor[1] <= MOST_PIXELS
    builder.resize_nearest(x, factor if fits else (1, 1))


def _interpolate(draw: st.DrawFn, builder: GraphBuilder, x: str) -> None:
    """Bilinear, to any size; from one row to a few, TFLM's steps stay inside the map."""
    size = (draw(st.integers(1, MOST_ROWS)), draw(st.integers(1, MOST_PIXELS)))
    op = ResizeBilinear(size, draw(st.sampled_from(COORDINATES)))
    builder.node(op, (x,), builder.type(x).q)


def _pad(draw: st.DrawFn, builder: GraphBuilder, x: str) -> None:
    rows, pixels, _ = _map(builder, x)
    top, bottom, left, right = (draw(st.integers(0, 2)) for _ in range(4))
    if rows + top + bottom > MOST_ROWS:
        top = bottom = 0
    if pixels + left + right > MOST_PIXELS:
        left = right = 0
    border = draw(st.sampled_from(("reflect", "symmetric", "edge", None)))
    if border is None:
        builder.pad(x, (top, bottom, left, right))
        return
    most = {"reflect": -1, "symmetric": 0, "edge": 2}[border]
    top, bottom = (min(pad, rows + most) for pad in (top, bottom))
    left, right = (min(pad, pixels + most) for pad in (left, right))
    builder.node(MirrorPad((top, bottom, left, right), border), (x,), builder.tensors[x].q)


def _slice(draw: st.DrawFn, builder: GraphBuilder, x: str) -> None:
    """A block that leaves out something along any axes, or nothing."""
    sizes = _map(builder, x)
    starts = [draw(st.integers(0, n - 1)) if draw(st.booleans()) else 0 for n in sizes]
    block = [draw(st.integers(1, n - s)) for n, s in zip(sizes, starts, strict=True)]
    builder.slice(x, (0, *starts), (1, *block))


def _blocks(draw: st.DrawFn, builder: GraphBuilder, x: str) -> None:
    """Channels as blocks of pixels, or blocks as channels, where there are such."""
    rows, pixels, channels = _map(builder, x)
    block = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    count, q = block[0] * block[1], builder.tensors[x].q
    if draw(st.booleans()):
        fits = rows * block[0] <= MOST_ROWS and pixels * block[1] <= MOST_PIXELS
        block = block if channels % count == 0 and fits else (1, 1)
        mode = draw(st.sampled_from(("DCR", "CRD")))
        builder.node(DepthToSpace(block, mode), (x,), q)
    else:
        fits = rows % block[0] == pixels % block[1] == 0 and channels * count <= MOST_CHANNELS
        builder.node(SpaceToDepth(block if fits else (1, 1)), (x,), q)


def _function(draw: st.DrawFn, builder: GraphBuilder, x: str) -> None:
    draw(st.sampled_from((builder.logistic, builder.leaky_relu, builder.requantize)))(x)


def _gate(draw: st.DrawFn, builder: GraphBuilder, x: str) -> None:
    """Squeeze and excite: a mean of the map, a layer or two, and the product with the map."""
    channels = _map(builder, x)[2]
    if draw(st.booleans()):
        y = builder.conv(builder.mean(x, keep_dims=True, q=Q), channels, (1, 1), q=Q)
    else:
        y = builder.dense(builder.mean(x, q=Q), channels, q=Q)
        y = builder.reshape(y, (1, 1, 1, channels))
    builder.mul(x, builder.logistic(y), q=Q)


def _mean(draw: st.DrawFn, builder: GraphBuilder, x: str) -> None:
    axes = draw(st.sampled_from(((1, 2), (1,), (2,))))
    builder.mean(x, axes, keep_dims=True, q=Q)


def _reshape(draw: st.DrawFn, builder: GraphBuilder, x: str) -> None:
    """The same rows with other pixels, or other rows altogether."""
    rows, pixels, channels = _map(builder, x)
    shapes = [(1, rows, 1, pixels * channels), (1, rows, pixels * channels, 1)]
    if rows * pixels <= MOST_ROWS:
        shapes += [(1, pixels, rows, channels), (1, rows * pixels, 1, channels)]
    builder.reshape(x, draw(st.sampled_from(shapes)))


def _transpose(draw: st.DrawFn, builder: GraphBuilder, x: str) -> None:
    rows, pixels, _ = _map(builder, x)
    fits = rows <= MOST_PIXELS and pixels <= MOST_ROWS
    builder.transpose(x, (0, 2, 1, 3) if fits else (0, 1, 2, 3))


def _head(draw: st.DrawFn, builder: GraphBuilder) -> None:
    """What turns a map into classes."""
    x = _chosen(draw, builder)
    flat = builder.mean(x, q=Q) if draw(st.booleans()) else builder.flatten(x)
    y = builder.dense(flat, draw(st.integers(1, 5)), q=Q)
    if draw(st.booleans()):
        builder.softmax(y)


_KINDS: dict[str, Callable[[st.DrawFn, GraphBuilder, str], None]] = {
    "blocks": _blocks,
    "concat": _concat,
    "conv": _conv,
    "conv again": _conv,
    "depthwise": _depthwise,
    "function": _function,
    "gate": _gate,
    "mean": _mean,
    "pad": _pad,
    "pointwise": _pointwise,
    "pointwise twice": _pointwise_twice,
    "pool": _pool,
    "reshape": _reshape,
    "residual": _residual,
    "resize": _resize,
    "interpolate": _interpolate,
    "slice": _slice,
    "sum": _sum,
    "transpose": _transpose,
}
