"""What the tests of networks share: SpikeGraph files of populations, and spikes as sets."""
import h5py
import numpy as np


class SpikeGraph:
    """A model file (docs/formats.md) made node by node."""

    def __init__(self, path, dt_ms, steps):
        self.file = h5py.File(path, "w")
        self.file.attrs["format"] = "SpikeGraph"
        self.file.attrs["format_version"] = 1
        self.file.create_group("graph/nodes")
        self.file["graph"].attrs.update(dt=dt_ms / 1e3, time_steps=steps)
        self.dt_ms, self.edges = dt_ms, []

    def add(self, name, type_, *operands, **parameters):
        group = self.file.create_group(f"graph/nodes/{name}")
        group["type"] = type_
        for key, value in parameters.items():
            group[key] = value
        for operand in operands:
            self.connect(operand, name)
        return name

    def connect(self, source, target):
        self.edges.append((source, target))

    def add_projection(self, name, source, target, columns, n, **parameters):
        """Listed synapses: columns source, target, weight, delay (steps); n destinations."""
        keys = ("source", "target", "weight", "delay")
        kinds = (np.int32, np.int32, np.float64, np.float64)
        values = {key: np.asarray(column, kind) for key, kind, column in zip(keys, kinds, columns)}
        values["delay"] = values["delay"] * self.dt_ms
        self.add(name, "Projection", source, n=n, dt=self.dt_ms, **values, **parameters)
        self.connect(name, target)

    def add_step_current(self, name, target, n, times, values):
        """One step away, as PyNEST connects a step_current_generator with the smallest delay."""
        self.add(name, "StepCurrent", n=n, dt=self.dt_ms, amplitude_times=np.asarray(times, float),
                 amplitude_values=np.asarray(values, float))
        self.connect(name, target)

    def close(self):
        self.file["graph/edges"] = np.array(self.edges, dtype=h5py.string_dtype())
        self.file.close()


def write_input(path, name, sources, steps, dt_ms):
    """Spikes of an input, stamped as NEST does at the ends of steps counted from 1."""
    order = np.argsort(steps, kind="stable")
    with h5py.File(path, "w") as file:
        file[f"spikes/{name}/node_ids"] = np.asarray(sources, np.uint64)[order]
        file[f"spikes/{name}/timestamps"] = np.asarray(steps, float)[order] * dt_ms
    return path


def spikes_of(path, dt_ms):
    """{population: set of (step, id)} of a result, steps counted as NEST stamps them."""
    with h5py.File(path) as file:
        found = {}
        for name, group in file["spikes"].items():
            late = group["timestamps"].attrs["stamp"] == "start"
            steps = np.rint(group["timestamps"][:] / dt_ms).astype(int) + late
            found[name] = set(zip(steps.tolist(), group["node_ids"][:].tolist()))
        return found
