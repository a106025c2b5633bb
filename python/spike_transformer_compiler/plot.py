"""Rasters and outputs of a result as matplotlib axes; works in notebooks and without a display.

Nothing is shown or saved: the caller does, as `plot_raster(result).figure.savefig("raster.png")`.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .result import Result, Spikes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LINES = 20  # more elements of an output than this become an image


def plot_raster(result: Result, populations: str | Sequence[str] | None = None, *,
                sample: int | None = None, by: str = "step", ax: Axes | None = None,
                max_spikes: int = 100_000, **style: Any) -> Axes:
    """Draw the spikes of one sample, populations below each other, and return the axes.

    populations: names, from top to bottom (default: all). sample: index in the input file (default:
    the first). by: "step" or "ms". Where a population has more than its share of max_spikes, every
    k-th neuron of it is drawn, all its spikes, and its label says so. style: for Axes.plot, as
    markersize=2.
    """
    if populations is None:
        populations = list(result.spikes)
    names = [populations] if isinstance(populations, str) else list(populations)
    if not names:
        raise ValueError(f"{result.path}: no populations to draw" if result.recorded else
                         f"{result.path}: spikes were not recorded; run it with record=\"spikes\"")
    ax = ax if ax is not None else _axes(height=max(3.0, min(12.0, 1.5 + 0.4 * len(names))))
    look = {**_marker(ax, result.steps), "linestyle": "none", "rasterized": True, **style}
    bottom, ticks = 0, []
    for name in reversed(names):
        spikes = result.spikes[name].of_sample(result.samples[0] if sample is None else sample)
        x, y, height, every = _thinned(spikes, by, max(1, max_spikes // len(names)))
        ax.plot(x, y + bottom, **look)
        ticks.append((bottom + height / 2, name if every == 1 else f"{name} (1 of {every})"))
        bottom += height
        ax.axhline(bottom - 0.5, color="0.85", linewidth=0.5)
    ax.set_yticks([place for place, _ in ticks], [text for _, text in ticks])
    ax.set_ylim(-0.5, bottom - 0.5)
    _set_time_axis(ax, result, by)
    ax.set_title(f"sample {result.samples[0] if sample is None else sample}")
    return ax


def _marker(ax: Axes, steps: int) -> dict[str, Any]:
    """Dots; where there are few steps, dashes about as long as a step."""
    width = 0.5 * 72 * ax.bbox.width / ax.figure.dpi / steps  # points
    if width < 4:
        return {"marker": ".", "markersize": 2.0, "markeredgewidth": 0.0}
    return {"marker": "_", "markersize": width, "markeredgewidth": 0.5}


def _thinned(spikes: Spikes, by: str, most: int) -> tuple[Any, Any, int, int]:
    """x and y, rows that they take, and k where only every k-th neuron is left. Rows are ids less
    the lowest, so that node ids of SONATA networks fit as well."""
    x, ids = spikes.raster(by=by)
    every = -(-len(ids) // most) if len(ids) > most else 1
    every = min(every, max(spikes.neurons, 1))
    lowest = 0
    if len(ids) and int(ids.max()) >= spikes.neurons:
        lowest = int(ids.min())
    rows = ids - lowest
    height = max(spikes.neurons, int(rows.max()) + 1 if len(rows) else 1)
    if every > 1:
        chosen = rows % every == 0
        x, rows, height = x[chosen], rows[chosen] // every, -(-height // every)
    return x, rows, height, every


def plot_outputs(result: Result, name: str | None = None, *, sample: int | None = None,
                 ax: Axes | None = None, max_samples: int = 1000, **style: Any) -> Axes:
    """Draw an output (default: the first) and return the axes.

    An output with a step axis: of one sample (default: the first) over the steps, as lines, or as
    an image where it has more than 20 elements. Without: all samples as an image, at most about
    max_samples of them, evenly chosen; of one sample as bars. style: for Axes.plot, imshow or bar.
    """
    if name is None:
        if not result.outputs:
            raise ValueError(f"{result.path}: the result has no outputs")
        name = next(iter(result.outputs))
    values = result.outputs[name]
    values = values.reshape(len(values), max(result.output_steps[name], 1), -1)
    ax = ax if ax is not None else _axes(height=4.0)
    if result.output_steps[name]:
        sample = result.samples[0] if sample is None else sample
        _plot_steps(ax, result, values[_row(result, sample)], style)
        ax.set_title(f"{name}, sample {sample}")
    elif sample is not None or len(values) == 1:
        sample = result.samples[0] if sample is None else sample
        ax.bar(np.arange(values.shape[2]), values[_row(result, sample), 0], **style)
        ax.set(xlabel="element", ylabel="output", title=f"{name}, sample {sample}")
    else:
        every = max(1, -(-len(values) // max_samples))
        shown = values[::every, 0]
        first = result.samples[0]
        edges = (first - every / 2, first + every * (len(shown) - 0.5))
        _image(ax, shown.T, edges, style)
        ax.set(xlabel="sample" if every == 1 else f"sample (every {every}th)", ylabel="element",
               title=name)
    return ax


def _plot_steps(ax: Axes, result: Result, values: Any, style: dict[str, Any]) -> None:
    """values: (steps, elements)"""
    if values.shape[1] > MOST_LINES:
        _image(ax, values.T, (-0.5, len(values) - 0.5), style)
        ax.set_ylabel("element")
    else:
        for element, line in enumerate(values.T):
            ax.plot(np.arange(len(values)), line, label=str(element),
                    **{"marker": "." if len(values) <= 100 else "", **style})
        ax.set_ylabel("output")
        if 1 < values.shape[1]:
            ax.legend(title="element", fontsize="small", ncols=2)
    ax.set_xlabel("step")


def _image(ax: Axes, values: Any, x: tuple[float, float], style: dict[str, Any]) -> None:
    """values: (elements, columns), from x[0] to x[1]"""
    image = ax.imshow(values, **{"aspect": "auto", "origin": "lower", "interpolation": "nearest",
                                 "extent": (*x, -0.5, len(values) - 0.5), **style})
    ax.figure.colorbar(image, ax=ax)


def _row(result: Result, sample: int) -> int:
    if sample not in result.samples:
        raise IndexError(f"sample {sample} was not run: the result holds samples "
                         f"{result.samples[0]} to {result.samples[-1]}")
    return sample - result.samples[0]


def _set_time_axis(ax: Axes, result: Result, by: str) -> None:
    if by == "ms":
        ax.set(xlabel="ms", xlim=(0, result.steps * result.step_ms))
    else:
        from matplotlib.ticker import MaxNLocator
        ax.set(xlabel="step", xlim=(-0.5, result.steps - 0.5))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def _axes(height: float) -> Axes:
    """New axes; matplotlib chooses a backend without a window where there is no display."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as missing:
        raise ImportError("plots need matplotlib: pip install "
                          "'spike_transformer_compiler[plot]'") from missing
    return plt.subplots(figsize=(8.0, height), layout="constrained")[1]
