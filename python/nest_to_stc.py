#!/usr/bin/env python3
"""Write a PyNEST network as an edge list (docs/formats.md) that stc reads.

In a script that has built its network and not simulated yet:

    from nest_to_stc import dump
    dump("network.h5", t_stop=1000.0)

From a shell, for a script that builds a network when it is run:

    python nest_to_stc.py build.py network.h5 --t-stop 1000

What is written: every neuron with its parameters and membrane potential, every static synapse with
weight, delay and receptor, and the spike trains of spike generators. Recorders are left out.
Whatever else the network holds - other synapses, generators of currents or of random spikes,
models that stc does not know - is named in an error; `ignore` takes models that may be left out.

The result is a network of one population, or of one for each neuron model; node ids of NEST are
kept in the columns `id`.
"""
import argparse
import runpy
import sys

import h5py
import numpy as np

IAF = "C_m tau_m t_ref E_L V_th V_reset I_e V_m"
ADAPTIVE = ("C_m g_L E_L Delta_T tau_w a b V_th V_reset V_peak t_ref tau_syn_ex tau_syn_in I_e "
            "gsl_error_tol V_m w")
GLIF = ("C_m g E_L V_th V_reset t_ref spike_dependent_threshold after_spike_currents "
        "adapting_threshold th_spike_add th_spike_decay voltage_reset_fraction voltage_reset_add "
        "th_voltage_index th_voltage_decay asc_decay asc_amps asc_r asc_init tau_syn V_m")
# the parameters that stc knows, under NEST's names
MODELS = {
    "iaf_psc_delta": IAF + " V_min",
    "iaf_psc_exp": IAF + " tau_syn_ex tau_syn_in",
    "iaf_psc_alpha": IAF + " tau_syn_ex tau_syn_in V_min",
    "iaf_cond_exp": ("C_m g_L t_ref E_L E_ex E_in V_th V_reset I_e V_m tau_syn_ex tau_syn_in "
                     "g_ex g_in"),
    "izhikevich": "a b c d V_th V_min I_e consistent_integration V_m U_m",
    "aeif_psc_exp": ADAPTIVE,
    "aeif_cond_exp": ADAPTIVE + " E_ex E_in",
    "glif_psc": GLIF,
}
# parameters that would change the equations of a model
MUST_BE = {"iaf_psc_exp": {"rho": 0.01, "delta": 0.0}, "iaf_psc_delta": {"refractory_input": False}}
RECORDERS = {"spike_recorder", "multimeter", "voltmeter", "weight_recorder"}
STATIC = {"static_synapse", "static_synapse_hom_w", "static_synapse_lbl",
          "static_synapse_hom_w_lbl", "static_synapse_hpc", "static_synapse_hom_w_hpc"}
LOWEST = -1e30  # stc's value of a bound that is not there


class CannotDump(ValueError):
    """The network holds something that an edge list cannot say."""


def dump(path, t_stop, ignore=()):
    """Write the network in PyNEST's kernel to a new file; t_stop in ms. CannotDump names what does
    not fit."""
    import nest

    status = nest.GetKernelStatus()
    if status["biological_time"] > 0:
        raise CannotDump(f"the network has run for {status['biological_time']} ms; dump it before")
    if status.get("num_processes", 1) > 1:
        raise CannotDump("the network is spread over MPI processes; dump it from one")
    dt = status["resolution"]
    populations, generators, left_out = sort_nodes(nest, set(ignore))
    edges = read_edges(nest, dt, populations, generators, left_out)
    with h5py.File(path, "w") as file:
        file.attrs["dt_ms"] = dt
        file.attrs["n_steps"] = round(t_stop / dt)
        file.attrs["nest_version"] = str(getattr(nest, "__version__", "unknown"))
        file.attrs["units"] = "pF, ms, mV, pA, nS; delay in steps of dt"
        write_neurons(nest, file, populations)
        write_edges(file, edges, single=len(populations) == 1)
        write_spikes(nest, file, generators, dt)


def sort_nodes(nest, ignore):
    """Ids of neurons by model, of spike generators, and of what is left out."""
    by_model = {}
    for node in nest.GetNodes():
        by_model.setdefault(node.get("model"), []).append(node.get("global_id"))
    populations, generators, left_out = {}, [], set()
    for model, ids in by_model.items():
        kind = nest.GetDefaults(model)  # a copied model says of which
        base = str(kind.get("type_id", model))
        if base in MODELS:
            populations.setdefault(base, []).extend(ids)
        elif base == "spike_generator":
            generators.extend(ids)
        elif model in RECORDERS or base in RECORDERS or model in ignore or base in ignore:
            left_out.update(ids)
        else:
            raise CannotDump(f"{len(ids)} nodes of model {model}; stc takes {', '.join(MODELS)} "
                             "and spike_generator (ignore=... leaves nodes out)")
    if not populations:
        raise CannotDump("the network has no neurons")
    populations = {model: np.sort(ids) for model, ids in populations.items()}
    return populations, np.sort(generators), left_out


def column(values):
    array = np.asarray(values)
    return array.astype(np.int8 if array.dtype == bool else np.float64)


def parameters(nest, model, ids):
    """Name and values of each parameter; lists become name_1, name_2 and so on."""
    nodes = nest.NodeCollection([int(i) for i in ids])
    names = MODELS[model].split()
    known = nest.GetDefaults(model)
    table = nodes.get([name for name in names if name in known])
    for name, value in MUST_BE.get(model, {}).items():
        if name in known and np.any(np.asarray(nodes.get(name)) != value):
            raise CannotDump(f"{model}: {name} must be {value}")
    for name, values in table.items():
        values = [values] if len(ids) == 1 else values
        if np.ndim(values[0]) == 0:
            yield name, column(values)
            continue
        longest = max(len(v) for v in values)
        if any(len(v) != longest for v in values):
            raise CannotDump(f"{model}: lists {name} of different lengths")
        for k in range(longest):
            yield f"{name}_{k + 1}", column([v[k] for v in values])


def write_neurons(nest, file, populations):
    single = len(populations) == 1
    for model, ids in populations.items():
        group = file.require_group("neurons" if single else f"neurons/{model}")
        holder = file if single else group
        holder.attrs["model"] = model
        holder.attrs["n_neurons" if single else "n"] = len(ids)
        group["id"] = ids
        for name, values in parameters(nest, model, ids):
            if name == "V_min":
                values = np.maximum(values, LOWEST)
            group[name] = values


def read_edges(nest, dt, populations, generators, left_out):
    """Columns of edges for each (source, target, receptor) as indices in their populations."""
    index = {}
    for name, ids in [*populations.items(), ("input", generators)]:
        index.update((int(node), (name, k)) for k, node in enumerate(ids))
    edges = {}
    keys = ["source", "target", "weight", "delay", "receptor", "synapse_model"]
    table = nest.GetConnections().get(keys)
    if not table:
        return edges
    columns = [values if isinstance(values, (list, tuple)) else [values]
               for values in (table[key] for key in keys)]
    for source, target, weight, delay, receptor, synapse in zip(*columns):
        if source in left_out or target in left_out:
            continue
        if str(synapse) not in STATIC:
            raise CannotDump(f"synapses of model {synapse}; stc takes static_synapse")
        (source_name, j), (target_name, i) = index[source], index[target]
        steps = round(delay / dt)
        # receptors of models with two ports follow from the sign of the weight
        port = receptor if target_name == "glif_psc" else 0
        key = (source_name, target_name, port)
        edges.setdefault(key, []).append((j, i, weight, steps))
    return edges


PLAIN = ("src", "dst", "weight", "delay")


def put_columns(group, rows, names=PLAIN):
    columns = zip(*rows) if rows else [()] * 4
    for name, values, kind in zip(names, columns, ("i4", "i4", "f8", "i4")):
        group[name] = np.array(values, dtype=kind)


def write_edges(file, edges, single):
    """Columns alone where one population suffices, else a group for each pair of populations."""
    group = file.create_group("edges")
    if single and all(port == 0 for _, _, port in edges):
        (target,) = {target for _, target, _ in edges} or {None}
        put_columns(group, edges.get((target, target, 0), []))
        if ("input", target, 0) in edges:
            put_columns(file.require_group("input"), edges["input", target, 0],
                        [f"edge_{name}" for name in PLAIN])
        return
    for (source, target, port), rows in edges.items():
        member = group.create_group(f"{source}_to_{target}" + (f"_{port}" if port else ""))
        # a single population has the name of the group that holds its columns
        names = {"input": "input"} if not single else {source: "neurons", target: "neurons",
                                                       "input": "input"}
        member.attrs["source"] = names.get(source, source)
        member.attrs["target"] = names.get(target, target)
        if port:
            member.attrs["receptor"] = port
        put_columns(member, rows)


def write_spikes(nest, file, generators, dt):
    """Steps at whose end each spike generator fires."""
    if len(generators) == 0:
        return
    sources, steps = [], []
    for k, node in enumerate(generators):
        generator = nest.NodeCollection([int(node)])
        if len(generator.get("spike_weights")) or generator.get("precise_times"):
            raise CannotDump("spike generators with weights or precise times")
        times = np.asarray(generator.get("spike_times"), dtype=float)
        counts = np.asarray(generator.get("spike_multiplicities"), dtype=int)
        times = np.repeat(times, counts if len(counts) else 1) + generator.get("origin")
        start, stop = generator.get("start"), generator.get("stop")
        times = times[(times > start) & (times <= stop)]
        for at in grid(times, dt):
            sources.append(k)
            steps.append(at)
    group = file.require_group("input")
    group.attrs["n_sources"] = len(generators)
    group["spike_source"] = np.array(sources, dtype=np.int32)
    group["spike_step"] = np.array(steps, dtype=np.int32)


def grid(times, dt):
    """NEST's rule: to microseconds, then up to the end of a step."""
    tics, step = np.floor(times * 1e3 + 0.5).astype(np.int64), round(dt * 1e3)
    return -(-tics // step)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("script", help="Python file that builds a network with PyNEST")
    parser.add_argument("output", help="file to write")
    parser.add_argument("--t-stop", type=float, required=True, metavar="MS",
                        help="how long stc is to run it")
    parser.add_argument("--ignore", action="append", default=[], metavar="MODEL",
                        help="leave out nodes of this model")
    words = parser.parse_args()
    runpy.run_path(words.script, run_name="__main__")
    try:
        dump(words.output, words.t_stop, words.ignore)
    except CannotDump as reason:
        sys.exit(f"nest_to_stc: {reason}")


if __name__ == "__main__":
    main()
