"""A run of Brian2 as a C++ program of its own, its fastest way: generated, compiled, run."""
import os
import shutil
import tempfile

import brian2
import numpy as np
from brian2 import defaultclock, device, ms, prefs

from networks_common import Clock, report


def start(args):
    """Choose the C++ device, before anything is built."""
    folder = tempfile.mkdtemp(prefix="brian2-")
    brian2.set_device("cpp_standalone", directory=folder, build_on_run=False)
    prefs.devices.cpp_standalone.openmp_threads = args.threads if args.threads > 1 else 0
    defaultclock.dt = 0.1 * ms
    brian2.seed(args.seed)
    return folder


def fixed_indegree(rng, synapses, nsources, ntargets, number):
    """number sources for each target, drawn with replacement."""
    targets = np.repeat(np.arange(ntargets), number)
    synapses.connect(i=rng.integers(0, nsources, size=targets.size), j=targets)


def run(args, folder, network, neurons, net, synapses, told):
    """net: a Network; neurons: its group, with a variable `fired` that counts."""
    monitor = None
    if args.record == "spikes":
        monitor = brian2.SpikeMonitor(neurons)
        net.add(monitor)
    net.run(args.transient * ms)
    neurons.fired = 0
    net.run(args.time * ms)
    with Clock() as everything:
        device.build(directory=folder, compile=True, run=True, with_output=False)
    seconds = device._last_run_time  # of the second run, as the program itself took it
    count = np.asarray(neurons.fired[:])
    excitatory = len(neurons) * 4 // 5
    biological = args.time * 1e-3
    threads = f", OpenMP with {args.threads} threads" if args.threads > 1 else ""
    flags = " ".join(prefs.codegen.cpp.extra_compile_args_gcc)
    report(args, simulator="Brian2", version=brian2.__version__, network=network,
           neurons=len(neurons), synapses=synapses, build_s=everything.seconds - seconds,
           simulate_s=seconds, spikes=int(count.sum()),
           rates={"E": float(count[:excitatory].mean() / biological),
                  "I": float(count[excitatory:].mean() / biological)},
           told=f"cpp_standalone ({flags}){threads}, double, 0.1 ms, {told}, "
                f"recorded: {args.record}")
    device.reinit()
    if os.path.isdir(folder):
        shutil.rmtree(folder)
