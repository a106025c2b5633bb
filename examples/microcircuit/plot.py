#!/usr/bin/env python3
"""What the populations of a result did: a raster plot and a table, as figure 6 of Potjans & Diesmann
(Cereb. Cortex 24, 2014). Everything is read from the result file of stc run --record spikes.

The table, of the time after --from:
  rate       spikes per neuron and second
  CV ISI     standard deviation of the intervals between a neuron's spikes by their mean; the mean of
             the neurons with three spikes and more (1: as irregular as Poisson)
  synchrony  variance of the number of spikes in bins of 3 ms by its mean, of up to 1,000 neurons
             (1: neurons that fire on their own)
Needs h5py and numpy; without matplotlib the raster is drawn in characters.
"""
import argparse
import sys

import h5py
import numpy as np

ORDER = "L23E L23I L4E L4I L5E L5I L6E L6I".split()
# of the full network, as NEST's example of this name lists them; Hz
PUBLISHED = dict(zip(ORDER, (0.903, 2.965, 4.414, 5.876, 7.569, 8.633, 1.105, 7.829)))
BIN_MS, MOST_FOR_SYNCHRONY = 3.0, 1000
COLOURS = ("#2563a8", "#c8452e")  # excitatory, inhibitory


class Population:
    """Spikes of a population, by time: ids and times in ms."""

    def __init__(self, name, group):
        self.name = name
        self.size = int(np.prod(group.attrs["shape"]))
        self.ids = group["node_ids"][...].astype(np.int64)
        self.times = group["timestamps"][...]

    def after(self, first):
        keep = self.times > first
        return self.ids[keep], self.times[keep]

    def rate(self, first, last):
        return len(self.after(first)[0]) / self.size / ((last - first) * 1e-3)

    def irregularity(self, first):
        """Mean CV of the intervals, over the neurons with two intervals and more."""
        ids, times = self.after(first)
        order = np.lexsort((times, ids))
        ids, times = ids[order], times[order]
        same = ids[1:] == ids[:-1]
        owner, interval = ids[1:][same], np.diff(times)[same]
        count = np.bincount(owner, minlength=self.size)
        total = np.bincount(owner, interval, self.size)
        square = np.bincount(owner, interval**2, self.size)
        enough = count >= 2
        if not enough.any():
            return np.nan
        mean = total[enough] / count[enough]
        variance = np.maximum(square[enough] / count[enough] - mean**2, 0.0)
        return float(np.mean(np.sqrt(variance) / mean))

    def synchrony(self, first, last):
        ids, times = self.after(first)
        chosen = times[ids % max(1, -(-self.size // MOST_FOR_SYNCHRONY)) == 0]
        counts, _ = np.histogram(chosen, bins=np.arange(first, last - BIN_MS / 2, BIN_MS))
        return float(counts.var() / counts.mean()) if counts.size and counts.sum() else np.nan


def read(path):
    with h5py.File(path, "r") as file:
        if "spikes" not in file or "metrics" not in file:
            sys.exit(f"{path}: no result with spikes; make one by stc run --record spikes -o FILE")
        groups = file["spikes"]
        names = sorted(groups, key=lambda n: (ORDER.index(n) if n in ORDER else len(ORDER), n))
        metrics = file["metrics"].attrs
        return ([Population(n, groups[n]) for n in names], float(metrics["steps"]) *
                float(metrics["step_ms"]))


def print_table(populations, first, last):
    print(f"{'population':<12}{'neurons':>9}{'spikes':>10}{'rate, Hz':>10}{'CV ISI':>9}"
          f"{'synchrony':>11}{'published, Hz':>15}")
    for p in populations:
        published = f"{PUBLISHED[p.name]:.3f}" if p.name in PUBLISHED else ""
        print(f"{p.name:<12}{p.size:>9,}{len(p.after(first)[0]):>10,}{p.rate(first, last):>10.3f}"
              f"{p.irregularity(first):>9.3f}{p.synchrony(first, last):>11.3f}{published:>15}")


def rows(populations, share):
    """Of every population each n-th neuron: name, times and row, from the top down."""
    top = 0
    step = max(1, round(1 / share))
    for p in populations:
        chosen = p.ids % step == 0
        yield p, p.times[chosen], top + p.ids[chosen] // step
        top += -(-p.size // step)


def draw_text(populations, first, last):
    """A character for 1/100 of the time and a share of a population: how many spikes per neuron."""
    width, shades = 100, " .:*#@"
    for p in populations:
        height = max(1, round(20 * p.size / sum(q.size for q in populations)))
        inside = (p.times > first) & (p.times <= last)
        counts, _, _ = np.histogram2d(p.ids[inside], p.times[inside], bins=(height, width),
                                      range=((0, p.size), (first, last)))
        most = max(counts.max(), 1)
        for i, line in enumerate(counts):
            cells = "".join(shades[int(np.ceil(5 * c / most))] for c in line)
            print(f"{p.name if i == 0 else '':<6}|{cells}|")
    print(f"{'':<6} {first:g} ms{'':<{width - 16}}{last:g} ms")


def draw(plt, populations, path, window, table_from, end):
    first, last = window
    share = min(1.0, 2000 / sum(p.size for p in populations))
    figure, (raster, rate, cv, sync) = plt.subplots(
        1, 4, figsize=(11, 5), width_ratios=(4, 1, 1, 1), layout="constrained")
    middles, labels, bottom = [], [], 0
    for p, times, row in rows(populations, share):
        inside = (times > first) & (times <= last)
        inhibitory = p.name.endswith("I")
        raster.plot(times[inside], row[inside], ".", markersize=1.6, color=COLOURS[inhibitory],
                    rasterized=True)
        height = -(-p.size // max(1, round(1 / share)))
        middles.append(bottom + height / 2)
        labels.append(p.name)
        bottom += height
    raster.set(xlim=(first, last), ylim=(bottom, 0), xlabel="time, ms",
               title=f"every {max(1, round(1 / share))}th neuron" if share < 1 else "all neurons")
    raster.set_yticks(middles, labels)
    at, colours = np.arange(len(populations)), [COLOURS[n.endswith("I")] for n in labels]
    bars = ((rate, "rate, Hz", [p.rate(table_from, end) for p in populations]),
            (cv, "CV of intervals", [p.irregularity(table_from) for p in populations]),
            (sync, "synchrony", [p.synchrony(table_from, end) for p in populations]))
    for axes, title, values in bars:
        axes.barh(at, values, color=colours)
        axes.set(title=title, ylim=(len(populations) - 0.5, -0.5))
        axes.set_yticks(at, labels)
    known = [PUBLISHED.get(name, np.nan) for name in labels]
    rate.plot(known, at, "k|", markersize=12, label="published")
    rate.legend(loc="upper right", fontsize="x-small")
    figure.savefig(path, dpi=100)
    print(f"wrote {path}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result")
    parser.add_argument("-o", "--output", metavar="PNG", help="write the picture to this file")
    parser.add_argument("--from", dest="first", type=float, default=500, metavar="MS",
                        help="leave out what was before (default %(default)s; nothing of shorter runs)")
    parser.add_argument("--window", type=float, default=400, metavar="MS",
                        help="length of the raster, up to the end (default %(default)s)")
    args = parser.parse_args()
    populations, end = read(args.result)
    first = args.first if args.first < end else 0.0
    print_table(populations, first, end)
    window = (max(end - args.window, 0.0), end)
    try:
        import matplotlib  # pylint: disable=import-outside-toplevel
        matplotlib.use("Agg")
        import matplotlib.pyplot as plt  # pylint: disable=import-outside-toplevel
    except ImportError:
        print("\nmatplotlib is not there: spikes in characters")
        draw_text(populations, *window)
        return
    if args.output:
        draw(plt, populations, args.output, window, first, end)


if __name__ == "__main__":
    main()
