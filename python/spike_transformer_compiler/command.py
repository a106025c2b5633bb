"""Calling the command `stc`: arrays in, arrays out.

The command is the argument `stc`, else $STC, else `stc` in PATH. On several ranks it is started
by mpirun (`mpirun -q --bind-to none -n RANKS`, with more ranks than processors allowed and, for
root, running as root), or by what `launcher` says.
"""
from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import warnings
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Union

import h5py
import numpy as np

from .result import Result

Path = Union[str, "os.PathLike[str]"]
Launcher = Union[str, Sequence[str], None]


class StcError(RuntimeError):
    """stc refused or failed. The text is stc's own message; code is its exit code (1: bad or
    missing input, 2: wrong use, 3: a file cannot be written, or an internal failure; None: it was
    not started), command what was called."""

    def __init__(self, message: str, code: int | None = None, command: Sequence[str] = ()):
        super().__init__(message)
        self.code, self.command = code, list(command)


class StcWarning(UserWarning):
    """What a run that succeeded had to say on stderr."""


@dataclass(frozen=True)
class Program:
    """A compiled program: its file, and what the compiler reported (the object of `stc compile
    --json`: graph, chips, tiles, partition, allocation, seconds ...)."""

    path: str
    report: dict[str, Any] = field(repr=False)

    def __fspath__(self) -> str:
        return self.path


def find_stc(stc: Path | None = None) -> str:
    """Path of the command."""
    asked = os.fspath(stc) if stc is not None else os.environ.get("STC") or "stc"
    found = shutil.which(asked)
    if found is None:
        raise StcError(f"{asked}: no such command; build stc (cmake --preset release && cmake "
                       "--build --preset release), then put it into PATH, or name it in the "
                       "environment variable STC or by the argument stc=")
    return os.path.abspath(found)


def call(*words: object, ranks: int = 1, launcher: Launcher = None, stc: Path | None = None,
         timeout: float | None = None) -> str:
    """Call `stc WORDS...` on this many ranks; returns what it prints to stdout.

    launcher: "mpirun" or "srun" (in an allocation of SLURM), or the words to put in front, such as
    ["mpiexec", "-n", "4", "-f", "hosts"]; None: mpirun for more than one rank. timeout in seconds.
    """
    if ranks < 1:
        raise ValueError(f"ranks = {ranks}, expected at least 1")
    command = [*_launch(launcher, ranks), find_stc(stc), *map(str, words)]
    out, err, code = _execute(command, timeout)
    if code != 0:
        raise StcError(_message(err, code), code, command)
    if err.strip():
        warnings.warn(err.strip(), StcWarning, stacklevel=3)
    return out


def compile(model: Path, output: Path, *, chips: int | None = None, ranks: int = 1,
            target: Path | None = None, partition: str | None = None, seed: int | None = None,
            time_steps: int | None = None, launcher: Launcher = None, stc: Path | None = None,
            timeout: float | None = None, **options: object) -> Program:
    """Compile a model (SpikeGraph, NIR, SONATA, edge list) into the program file `output`.

    chips: default one per rank. target: a name of `stc targets`, or a file. partition: "auto",
    "multilevel", "metis-cut", "contiguous", "random", "file:PATH". options: any other option of
    `stc compile` by its name, as threads=2, tile_neurons=64, as_="norse"; see call() for ranks,
    launcher and timeout.
    """
    words = _options(chips=chips, target=target, partition=partition, seed=seed,
                     time_steps=time_steps, **options)
    out = call("compile", os.fspath(model), "-o", os.fspath(output), "--json", "--progress", "none",
               *words, ranks=ranks, launcher=launcher, stc=stc, timeout=timeout)
    return Program(os.path.abspath(os.fspath(output)), json.loads(out))


def run(program: Path, input: Any = None, *, ranks: int = 1, time_steps: int | None = None,
        record: str | Sequence[str] | None = None, samples: slice | range | None = None,
        labels: Any = None, scale: float = 1.0, output: Path | None = None,
        folder: Path | None = None, launcher: Launcher = None, stc: Path | None = None,
        timeout: float | None = None, **options: object) -> Result:
    """Run a program, or a model (compiled in memory first), and return its result.

    input: a file (docs/formats.md, Input; a Result whose spikes are presented), or an array
    (samples, shape...) presented at every step, or (samples, steps, shape...); {input node: array}
    where there are several. Integers are stored as they are, all are multiplied by scale. None:
    the model brings its input or needs none. labels: right answers, (samples,), which give an
    accuracy.
    record: "none", "spikes", "v", "v:NODE", "v:NODE[A:B]" or several of them (default: spikes).
    samples: those to present, as range(0, 32) (default: all). output: keep the result in this file;
    without it, it lives as long as the Result that is returned. folder: where temporary files go,
    which all ranks must see (default: that of Python's tempfile). options: any other option of `stc
    run` by its name, as threads=2, chips=4, replicas=2, as_="snntorch", dt="1ms"; see call() for
    ranks, launcher and timeout.
    """
    temporary = _Folder(folder)
    given = _input_file(input, labels, scale, temporary.path)
    if output is None:
        path = os.path.join(temporary.path, "result.h5")
    else:
        path = os.path.abspath(os.fspath(output))
    if not isinstance(record, (str, type(None))):
        record = ",".join(record)
    words = _options(input=given, time_steps=time_steps, record=record, samples=_range(samples),
                     **options)
    call("run", os.fspath(program), "-o", path, "--json", "--progress", "none", *words,
         ranks=ranks, launcher=launcher, stc=stc, timeout=timeout)
    return Result(path, None if output else temporary)


class _Folder:
    """A folder that goes when nobody holds this object any more."""

    def __init__(self, parent: Path | None):
        self.path = tempfile.mkdtemp(prefix="stc-", dir=parent)
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def _input_file(given: Any, labels: Any, scale: float, folder: str) -> str | None:
    """The file to present: that of the user, or a new one with the arrays."""
    if given is None or isinstance(given, (str, os.PathLike)):
        if labels is not None or scale != 1.0:
            raise ValueError("labels and scale go with arrays; an input file has its own")
        return None if given is None else os.fspath(given)
    arrays = given if isinstance(given, Mapping) else {"input": given}
    path = os.path.join(folder, "input.h5")
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            link = name.replace("%", "%25").replace("/", "%2F")
            data = file.create_dataset("inputs/" + ("%2E" if link == "." else link),
                                       data=_storable(name, values))
            data.attrs["scale"] = float(scale)
        if labels is not None:
            file["labels"] = np.asarray(labels).astype(np.int64, casting="same_kind")
    return path


def _storable(name: str, values: Any) -> np.ndarray[Any, Any]:
    """An array as an input file holds it: integers as they are, other numbers as float32."""
    array = np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)
    if array.dtype.kind == "b":
        return array.astype(np.uint8)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"input {name}: dtype {array.dtype}, expected integers, floats or bools")
    if array.ndim < 1 or len(array) == 0:
        raise ValueError(f"input {name}: shape {array.shape}, expected (samples, ...) with at "
                         "least one sample")
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def _range(samples: slice | range | None) -> str | None:
    """A:B of --samples."""
    if samples is None:
        return None
    first, stop = samples.start or 0, samples.stop
    if samples.step not in (None, 1) or stop is None:
        raise ValueError(f"samples = {samples}, expected first and end, in steps of 1")
    return f"{first}:{stop}"


def _options(**options: object) -> list[str]:
    """chips=4, as_="norse", profile=True -> --chips 4 --as norse --profile; None is left out."""
    words = []
    for name, value in options.items():
        if value is None or value is False:
            continue
        words.append("--" + name.rstrip("_").replace("_", "-"))
        if value is not True:
            words.append(str(os.fspath(value) if isinstance(value, os.PathLike) else value))
    return words


def _launch(launcher: Launcher, ranks: int) -> list[str]:
    """The words before `stc`."""
    if launcher is None:
        launcher = "mpirun" if ranks > 1 else ()
    if launcher == "mpirun":
        return ["mpirun", "-q", "--bind-to", "none", "-n", str(ranks)]
    if launcher == "srun":
        out, err, _ = _execute(["srun", "--mpi=list"], timeout=60)
        pmix = ["--mpi=pmix"] if "pmix" in (out + err).split() else []
        return ["srun", *pmix, "--kill-on-bad-exit=1", "-n", str(ranks)]
    if isinstance(launcher, str):
        raise ValueError(f"launcher {launcher!r}, expected 'mpirun', 'srun' or a list of words")
    return list(launcher)


def _environment() -> dict[str, str]:
    """Open MPI's leave to start more ranks than there are processors, and as root."""
    environment = {"OMPI_MCA_rmaps_base_oversubscribe": "1", **os.environ}
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        environment = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                       **environment}
    return environment


def _execute(command: list[str], timeout: float | None) -> tuple[str, str, int]:
    """stdout, stderr and exit code. When interrupted or late it is ended first, by a signal that
    mpirun passes on to its ranks."""
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, errors="replace",
                                   env=_environment())
    except OSError as error:
        raise StcError(f"{command[0]}: {error.strerror}; is MPI installed?", None,
                       command) from error
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        _end(process)
        raise TimeoutError(f"{' '.join(command)}: not done after {timeout} s") from None
    except BaseException:
        _end(process)
        raise
    return out, err, process.returncode


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def _message(err: str, code: int) -> str:
    if err.strip():
        return err.strip()
    if code < 0:
        return f"stc was ended by signal {signal.Signals(-code).name}"
    return f"stc ended with exit code {code} and no message"
