"""What the scripts of one simulator share: their words, and the line of JSON that networks.py reads."""
import argparse
import json
import time


def words(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--time", type=float, default=1000.0, help="measured biological ms")
    parser.add_argument("--transient", type=float, default=500.0, help="biological ms before")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--record", choices=["none", "spikes"], default="none")
    return parser.parse_args()


def peak_bytes():
    """Largest resident set of this process so far."""
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


class Clock:
    """Seconds of what is inside a with statement."""

    def __enter__(self):
        self.start = time.perf_counter()
        return self

    def __exit__(self, *_):
        self.seconds = time.perf_counter() - self.start


def report(args, **facts):
    """neurons, synapses, build_s, simulate_s and spikes of the measured part, rates by population
    ("all": of the network, where nothing else is known), told: what the simulator was told."""
    facts["threads"] = args.threads
    facts["scale"] = args.scale
    facts["real_time_factor"] = facts["simulate_s"] / (args.time * 1e-3)
    facts["mean_rate"] = facts["spikes"] / facts["neurons"] / (args.time * 1e-3)
    print(json.dumps(facts), flush=True)
