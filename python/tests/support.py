"""What the tests of the package share. Without numpy and h5py they are skipped (exit code 77).

The command is in the environment variable STC, else that of build/release. They run alone, as
python3 tests/test_result.py.
"""
import os
import pathlib
import sys
import tempfile
import unittest

PYTHON = pathlib.Path(__file__).resolve().parent.parent
SOURCE = PYTHON.parent
DIGITS = SOURCE / "examples/digits"
os.environ.setdefault("STC", str(SOURCE / "build/release/bin/stc"))
if not os.environ.get("STC_TEST_INSTALLED"):
    sys.path.insert(0, str(PYTHON))


def skip_without(*modules):
    for module in modules:
        try:
            __import__(module)
        except ImportError as missing:
            print(f"skipped: {missing}")
            sys.exit(77)


skip_without("numpy", "h5py")
import h5py  # noqa: E402
import numpy as np  # noqa: E402

TEXT = h5py.string_dtype()


class FileTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def assert_equal_arrays(self, actual, expected):
        np.testing.assert_array_equal(actual, expected)


def write_model(path, nodes, edges, **attributes):
    """A SpikeGraph. nodes: {name: {parameter: value}}, with `type`."""
    with h5py.File(path, "w") as file:
        graph = file.create_group("graph")
        graph.attrs.update(attributes)
        for name, parameters in nodes.items():
            for key, value in parameters.items():
                if isinstance(value, list):
                    value = np.array(value, TEXT)
                graph[f"nodes/{name}/{key}"] = value
        graph.create_dataset("edges", data=edges, dtype=TEXT)
    return path


def small_model(path):
    """image (2, 3) -> lif -> output; every value of the image is multiplied by 2"""
    return write_model(path, {
        "image": {"type": "Input", "shape": np.array([2, 3])},
        "double": {"type": "Scale", "factor": 2.0},
        "lif": {"type": "DiscreteLIF", "tau": 2.0, "v_threshold": 1.0},
        "output": {"type": "Output"},
    }, [("image", "double"), ("double", "lif"), ("lif", "output")], name="small", time_steps=3)


def write_result(path, spikes, outputs=None, samples=1, steps=4, first_sample=0, step_ms=1.0,
                 stamp="start"):
    """A result. spikes: {link: (shape, ids, steps, samples or None, values or None)}, or None when
    they were not recorded; outputs: {link: (array, steps)}."""
    with h5py.File(path, "w") as file:
        file.attrs["format"] = "stc-result"
        kind = np.dtype([("name", TEXT), ("first_id", "i8"), ("counted", "u1"), ("spikes", "i8")])
        table = []
        if spikes is not None:
            file.create_group("spikes")
        for link, (shape, ids, at, of, values) in (spikes or {}).items():
            group = file.create_group("spikes/" + link)
            total = int(np.sum(values)) if values is not None else len(ids)
            group.attrs.update({"shape": np.array(shape), "unit": 1.0, "total": total,
                                "max": 1 if values is None else 4})
            group["node_ids"] = np.array(ids, np.uint64)
            group["timestamps"] = (np.array(at, float) + (stamp == "end")) * step_ms
            group["timestamps"].attrs["stamp"] = stamp
            if of is not None:
                group["sample"] = np.array(of, np.uint32)
            if values is not None:
                group["value"] = np.array(values, np.uint8)
            table.append((link.replace("%2F", "/"), 0, 1, total))
        for link, (values, length) in (outputs or {}).items():
            file["outputs/" + link] = np.asarray(values, np.float32)
            file["outputs/" + link].attrs["steps"] = length
        file["metrics/nodes"] = np.array(table, kind)
        file["metrics"].attrs.update({
            "first_sample": first_sample, "samples": samples, "steps": steps, "step_ms": step_ms,
            "spikes": sum(row[3] for row in table), "spike_checksum": "0", "output_checksum": "0"})
        file.create_group("provenance").attrs["program"] = "small.h5"
    return path


def write_trace(path, link, node, variable, data, ids, start=0.0, step=1.0):
    """Add a trace to a result."""
    with h5py.File(path, "a") as file:
        group = file.create_group("report/" + link)
        group.attrs.update({"node": node, "variable": variable, "shape": np.array([8])})
        group["data"] = data
        group["data"].attrs["units"] = "mV"
        group["mapping/node_ids"] = np.array(ids, np.uint64)
        group["mapping/time"] = np.array([start, start + step * data.shape[-2], step])
