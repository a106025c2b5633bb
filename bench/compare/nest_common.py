"""A run of NEST: build, transient, measured part."""
import sys

import nest

from networks_common import Clock, peak_bytes, report

DT = 0.1


class Network:
    """Populations by name, and how a network is timed."""

    def __init__(self, args):
        self.args, self.populations, self.recorders = args, {}, {}
        nest.verbosity = nest.VerbosityLevel.ERROR
        self._start()
        self._run_empty()
        self.empty = peak_bytes()
        self._start()

    def _start(self):
        nest.ResetKernel()
        nest.resolution = DT
        nest.rng_seed = self.args.seed
        nest.local_num_threads = self.args.threads

    def _run_empty(self):
        """The memory that any network takes."""
        neurons = nest.Create("iaf_psc_exp", 5)
        nest.Connect(neurons, neurons)
        nest.Connect(nest.Create("poisson_generator"), neurons)
        if self.args.record == "spikes":
            nest.Connect(neurons, nest.Create("spike_recorder"))
        nest.Simulate(1.0)

    def population(self, name, model, size, parameters, potential):
        neurons = nest.Create(model, size, parameters)
        neurons.V_m = potential
        self.populations[name] = neurons
        if self.args.record == "spikes":
            self.recorders[name] = nest.Create("spike_recorder", params={"start": self.args.transient})
        return neurons

    def _record(self):
        for name, recorder in self.recorders.items():
            nest.Connect(self.populations[name], recorder)

    def _rates(self, neurons, spikes):
        seconds = self.args.time * 1e-3
        if not self.recorders:
            return {"all": spikes / neurons / seconds}
        return {name: recorder.n_events / len(self.populations[name]) / seconds
                for name, recorder in self.recorders.items()}

    def run(self, network, build, synapses, told=""):
        """build() makes and connects everything."""
        with Clock() as building:
            build()
            self._record()
            nest.Prepare()
        nest.Run(self.args.transient)
        with Clock() as measured:
            nest.Run(self.args.time)
        spikes = nest.local_spike_counter  # of the last Run
        nest.Cleanup()
        neurons = sum(len(p) for p in self.populations.values())
        told = ", ".join(filter(None, [f"iaf neurons in double, {DT} ms, local_num_threads "
                                       f"{self.args.threads}", told, "Prepare, Run, Run",
                                       f"recorded: {self.args.record}"]))
        report(self.args, simulator="NEST", version=nest.__version__, network=network,
               neurons=neurons, synapses=synapses, build_s=building.seconds,
               simulate_s=measured.seconds, spikes=spikes, rates=self._rates(neurons, spikes),
               bytes_per_synapse=(peak_bytes() - self.empty) / synapses, told=told)


def main(build):
    """Run, and let an error be one line."""
    try:
        build()
    except nest.kernel.NESTError as error:
        sys.exit(f"NEST: {error}")
