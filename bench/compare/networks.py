#!/usr/bin/env python3
"""Recurrent networks in stc, NEST and Brian2, side by side in one run.

Every simulator runs the same network: as many neurons and synapses, the same step, equations and
input; weights, delays and potentials drawn by the same rules. They take turns, so that whatever else
the machine does hits all of them; medians are compared. Numbers of neurons and synapses must be
equal, mean rates agree to 5 % (6 % over a second, 20 % over a tenth), else the exit code is 1.

Printed are Markdown tables and what each simulator was told to do. The simulators come from PyPI
into a virtual environment of their own under build/ (requirements.txt; half a gigabyte and some
minutes the first time; Brian2 needs g++). Leave the machine alone meanwhile.
"""
import argparse
import hashlib
import json
import math
import os
import pathlib
import shlex
import statistics
import subprocess
import sys
import venv

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def words():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stc", required=True, metavar="COMMAND",
                        help="stc-bench, maybe behind mpirun: 'mpirun -n 2 build/release/bench/stc-bench'")
    parser.add_argument("--networks", default="microcircuit:0.1,brunel,cuba", metavar="NAME[:SCALE],...",
                        help="microcircuit, brunel, cuba (default %(default)s)")
    parser.add_argument("--simulators", default="stc,NEST,Brian2", help="default %(default)s")
    parser.add_argument("--time", type=float, default=1000, help="measured ms (default %(default)s)")
    parser.add_argument("--transient", type=float, default=500, help="ms before (default %(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each (default %(default)s)")
    parser.add_argument("--threads", type=int, default=1,
                        help="of each simulator; of stc per rank (default %(default)s)")
    parser.add_argument("--precision", choices=["double", "single"], default="double",
                        help="of stc; the others compute in double (default %(default)s)")
    parser.add_argument("--record", choices=["none", "spikes"], default="none",
                        help="what all of them record (default %(default)s)")
    return parser.parse_args()


def environment():
    """Python with the other simulators."""
    digest = hashlib.sha256((HERE / "requirements.txt").read_bytes()).hexdigest()[:16]
    folder = ROOT / "build" / f"compare-{digest}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        print(f"installing the simulators into {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "--disable-pip-version-check", "install", "-qq", "-r",
                        HERE / "requirements.txt"], check=True)
        (folder / "complete").touch()
    return str(python)


def command(args, python, simulator, network, scale, seed):
    """The words of a run, or None where there is no script for it."""
    options = ["--scale", str(scale), "--time", str(args.time), "--transient", str(args.transient),
               "--threads", str(args.threads), "--seed", str(seed), "--record", args.record]
    if simulator == "stc":
        return [*shlex.split(args.stc), network, *options, "--precision", args.precision, "--json"]
    script = HERE / f"{simulator.lower()}_{network}.py"
    return [python, "-W", "ignore", str(script), *options] if script.exists() else None


def of_stc(args, facts):
    """The line of stc-bench in the words of the other simulators."""
    facts["simulator"], facts["version"] = "stc", facts["precision"]
    facts["mean_rate"] = facts["spikes"] / facts["neurons"] / (facts["time_ms"] * 1e-3)
    facts["told"] = (f"ranks x threads {facts['ranks']} x {facts['threads']}, {facts['kernel']}, "
                     f"{facts['precision']}, 0.1 ms, recorded: {facts['record']}; "
                     f"`{args.stc}`")
    return facts


def run(args, python, simulator, network, scale, seed):
    line = command(args, python, simulator, network, scale, seed)
    if line is None:
        return None
    done = subprocess.run(line, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          env=os.environ | {"PYNEST_QUIET": "1"})
    found = [text for text in done.stdout.splitlines() if text.startswith("{")]
    if done.returncode != 0 or not found:
        sys.exit(f"{shlex.join(line)}\nexit code {done.returncode}\n{done.stdout}{done.stderr}")
    facts = json.loads(found[-1])
    if simulator == "stc":
        facts = of_stc(args, facts)
    print(f"{simulator} {network}:{scale:g} {facts['real_time_factor']:.4g} s/s, "
          f"{facts['mean_rate']:.3f} Hz", file=sys.stderr)
    return facts


def median(runs, key):
    return statistics.median(r[key] for r in runs)


def disagreements(runs, time):
    """Sentences; runs: {simulator: [facts]} of one network over so many ms."""
    first, *others = runs
    reference, found = runs[first][0], []
    for other in others:
        for what in ("neurons", "synapses"):
            if runs[other][0][what] != reference[what]:
                found.append(f"{other} has {runs[other][0][what]:,} {what}, {first} "
                             f"{reference[what]:,}")
        a, b = median(runs[first], "mean_rate"), median(runs[other], "mean_rate")
        if abs(b - a) > max(0.05, 2 / math.sqrt(time)) * max(a, b):
            found.append(f"the mean rate of {other} is {b:.3f} Hz, of {first} {a:.3f} Hz")
    return found


def row(network, scale, simulator, runs, base):
    times = sorted(r["real_time_factor"] for r in runs)
    middle = statistics.median(times)
    memory = f"{median(runs, 'bytes_per_synapse'):.1f}" if "bytes_per_synapse" in runs[0] else ""
    ratio = f"{middle / base:.3g}" if base else ""
    return (f"| {network}:{scale:g} | {simulator} {runs[0].get('version', '')} | {middle:.4g} "
            f"({times[0]:.4g} to {times[-1]:.4g}) | {ratio} | {median(runs, 'build_s'):.3g} | "
            f"{memory} | {median(runs, 'mean_rate'):.3f} |")


def rates(runs):
    lines = []
    for simulator, list_ in runs.items():
        names = list_[0]["rates"]
        text = ", ".join(f"{name} {statistics.median(r['rates'][name] for r in list_):.3f}"
                         for name in names)
        lines.append(f"  - {simulator}: {text}")
    return "\n".join(lines)


def compare(args, python, network, scale):
    """All runs of a network: {simulator: [facts]}."""
    runs = {}
    for repeat in range(args.repeat):
        for simulator in args.simulators.split(","):
            facts = run(args, python, simulator, network, scale, 1 + repeat)
            if facts:
                runs.setdefault(simulator, []).append(facts)
    return runs


def main():
    args = words()
    python = environment() if args.simulators != "stc" else sys.executable
    table, notes, wrong = [], [], []
    for item in args.networks.split(","):
        network, _, scale = item.partition(":")
        scale = float(scale or 1)
        runs = compare(args, python, network, scale)
        base = median(runs["stc"], "real_time_factor") if "stc" in runs else None
        for simulator, list_ in runs.items():
            table.append(row(network, scale, simulator, list_, base))
        if not runs:
            continue
        first = next(iter(runs.values()))[0]
        notes.append(f"- {item}: {first['neurons']:,} neurons, {first['synapses']:,} synapses; told, "
                     "and rates in Hz (median):\n" +
                     "\n".join(f"  - {s}: {r[0]['told']}" for s, r in runs.items()) + "\n" + rates(runs))
        wrong += [f"{item}: {text}" for text in disagreements(runs, args.time)]
    print(f"{args.time:g} ms after {args.transient:g} ms, median of {args.repeat} (least to most), "
          f"{os.cpu_count()} cores\n")
    print("| network | simulator | s per biological s | / stc | build s | bytes per synapse | "
          "mean rate, Hz |\n|---|---|---|---|---|---|---|")
    print("\n".join(table) + "\n\n" + "\n".join(notes))
    if wrong:
        sys.exit("not the same work:\n" + "\n".join(wrong))


if __name__ == "__main__":
    main()
