"""Reference spikes of one neuron of every population model, made by NEST (and NEURON for IntFire1).

    python nest_models.py FOLDER           write the reference files
    python nest_models.py --check FOLDER   make them anew and compare with those in FOLDER: spikes
                                           must be equal, potentials to 1e-9

Needs the packages nest-simulator and neuron. Each neuron runs for 1 s at dt = 0.1 ms: a current
that changes in steps, then in addition events at random times, all of which are in inputs.csv.
tests/unit/test_populations.c runs our models on the same input and compares.

inputs.csv:   step,receptor,factor   the event reaches the neuron in update `step` (from 0 on) with
              the weight factor * excitatory (factor > 0) or factor * inhibitory of the case
<case>.csv:   model,<name>           param,<name>,<value>      weights,<excitatory>,<inhibitory>
              current,<step>,<pA>    from this update on the generators deliver this current
              spike,<step>           stamped step * dt: fired in update step - 1
              trace,<step>,<V_m>     after update step - 1, every TRACE steps
"""

import random
import sys
from pathlib import Path

DT, STEPS, TRACE = 0.1, 10000, 40
CURRENT_STEPS = [(0, 0.0), (500, 1.0), (1500, 0.6), (2500, 1.3), (4000, 0.0)]


def inputs():
    """Events (step, receptor, factor): excitatory at 800 Hz, inhibitory at 200 Hz, from 400 ms."""
    rng = random.Random(20)
    events = []
    for step in range(4000, STEPS - 1):
        receptor = rng.randrange(1, 5)
        for rate, sign in ((0.08, 1), (0.02, -1)):
            if rng.random() < rate:
                events.append((step, receptor, sign * rng.randrange(512, 1536) / 1024))
    return events


# case: model, parameters, amplitude of the current in pA, weights
GLIF = dict(V_th=-50.0, E_L=-75.0, V_reset=-75.0, V_m=-75.0, g=5.0, C_m=60.0, t_ref=2.4)
GLIF_R = dict(th_spike_add=2.0, th_spike_decay=0.02, voltage_reset_fraction=0.3,
              voltage_reset_add=4.0)
GLIF_ASC = dict(asc_decay=[0.003, 0.1], asc_amps=[-13.0, -60.0], asc_r=[0.9, 0.8],
                asc_init=[3.0, -2.0])
GLIF_SYN = dict(tau_syn=[5.5, 8.5, 2.8, 5.8])
CASES = {
    "iaf_psc_delta": ("iaf_psc_delta", {}, 400.0, (2.0, 3.0)),
    "iaf_psc_delta_parameters": (
        "iaf_psc_delta",
        dict(C_m=210.0, tau_m=17.3, t_ref=3.33, E_L=-66.3, V_th=-51.7, V_reset=-61.1, V_min=-68.0,
             I_e=111.0, V_m=-60.5), 150.0, (1.5, 4.0)),
    "iaf_psc_exp": ("iaf_psc_exp", {}, 420.0, (500.0, 400.0)),
    "iaf_psc_exp_parameters": (
        "iaf_psc_exp",
        dict(C_m=213.0, tau_m=13.7, tau_syn_ex=0.53, tau_syn_in=5.71, t_ref=1.25, E_L=-65.4,
             V_th=-50.3, V_reset=-63.2, I_e=123.4, V_m=-58.9), 170.0, (700.0, 150.0)),
    "iaf_psc_exp_equal_times": (
        "iaf_psc_exp", dict(tau_syn_ex=10.0, tau_syn_in=10.000001, t_ref=0.0), 420.0, (90.0, 60.0)),
    "iaf_psc_alpha": ("iaf_psc_alpha", {}, 420.0, (150.0, 120.0)),
    "iaf_psc_alpha_parameters": (
        "iaf_psc_alpha",
        dict(C_m=80.0, tau_m=12.5, tau_syn_ex=1.3, tau_syn_in=4.4, t_ref=3.0, E_L=-73.0, V_th=-55.0,
             V_reset=-62.0, V_min=-80.0, I_e=20.0), 120.0, (150.0, 60.0)),
    "iaf_psc_alpha_equal_times": (
        "iaf_psc_alpha", dict(tau_syn_ex=10.0, tau_syn_in=10.0001), 420.0, (40.0, 20.0)),
    "iaf_cond_exp": ("iaf_cond_exp", {}, 350.0, (30.0, 10.0)),
    "iaf_cond_exp_parameters": (
        "iaf_cond_exp",
        dict(C_m=200.0, g_L=10.0, tau_syn_ex=5.0, tau_syn_in=10.0, t_ref=5.0, E_L=-60.0, V_th=-50.0,
             V_reset=-60.0, E_in=-80.0, I_e=30.0, V_m=-57.0), 150.0, (2.0, 4.0)),
    "izhikevich": ("izhikevich", {}, 14.0, (4.0, 3.0)),
    "izhikevich_bursts": (
        "izhikevich", dict(a=0.03, b=0.25, c=-52.0, d=2.0, V_m=-60.0, U_m=-15.0, I_e=0.5,
                           V_min=-75.0), 8.0, (1.5, 3.0)),
    "izhikevich_published": (
        "izhikevich", dict(consistent_integration=False), 10.0, (40.0, 20.0)),
    "aeif_psc_exp": ("aeif_psc_exp", {}, 1000.0, (8000.0, 500.0)),
    "aeif_psc_exp_parameters": (
        "aeif_psc_exp",
        dict(C_m=200.0, g_L=12.0, E_L=-62.0, Delta_T=1.5, tau_w=80.0, a=2.0, b=30.0, V_th=-50.0,
             V_reset=-58.0, V_peak=20.0, tau_syn_ex=2.5, tau_syn_in=6.0, t_ref=1.7, I_e=50.0),
        300.0, (150.0, 60.0)),
    "aeif_cond_exp": ("aeif_cond_exp", {}, 1000.0, (150.0, 20.0)),
    "aeif_cond_exp_parameters": (
        "aeif_cond_exp",
        dict(C_m=200.0, g_L=12.0, E_L=-62.0, Delta_T=0.0, tau_w=80.0, a=2.0, b=30.0, V_th=-50.0,
             V_reset=-58.0, V_peak=20.0, tau_syn_ex=2.5, tau_syn_in=6.0, t_ref=1.7, I_e=50.0),
        300.0, (3.0, 3.0)),
    "glif_psc_1": ("glif_psc", {**GLIF, **GLIF_SYN}, 150.0, (60.0, 60.0)),
    "glif_psc_2": (
        "glif_psc", {**GLIF, **GLIF_SYN, **GLIF_R, "spike_dependent_threshold": True},
        160.0, (70.0, 60.0)),
    "glif_psc_3": (
        "glif_psc", {**GLIF, **GLIF_SYN, **GLIF_ASC, "after_spike_currents": True},
        250.0, (110.0, 60.0)),
    "glif_psc_4": (
        "glif_psc", {**GLIF, **GLIF_SYN, **GLIF_R, **GLIF_ASC, "spike_dependent_threshold": True,
                     "after_spike_currents": True}, 250.0, (110.0, 60.0)),
    "glif_psc_5": (
        "glif_psc", {**GLIF, **GLIF_SYN, **GLIF_R, **GLIF_ASC, "spike_dependent_threshold": True,
                     "after_spike_currents": True, "adapting_threshold": True,
                     "th_voltage_index": 0.006, "th_voltage_decay": 0.07}, 260.0, (110.0, 60.0)),
    "IntFire1": ("IntFire1", dict(tau=10.0, refrac=4.95), 0.0, (0.4, 0.3)),
    "IntFire1_parameters": ("IntFire1", dict(tau=24.3, refrac=3.13), 0.0, (0.3, 0.5)),
}


def run_nest(model, params, amplitude, weights, events):
    """(spike steps, V_m after each update)."""
    import nest

    nest.ResetKernel()
    nest.set_verbosity("M_ERROR")
    nest.set(resolution=DT, rng_seed=1, local_num_threads=1)
    neuron = nest.Create(model, params=params)
    if "asc_init" in params:  # which in NEST does not change the state of the neuron
        neuron.ASCurrents = params["asc_init"]
    receptors = 4 if model.startswith("glif") else 1
    static = dict(weight=1.0, delay=DT)
    for receptor in range(1, receptors + 1):
        mine = [e for e in events if receptors == 1 or e[1] == receptor]
        weight = [e[2] * weights[0 if e[2] > 0 else 1] for e in mine]
        # a spike at step * dt over a delay of one step arrives in update `step`
        generator = nest.Create("spike_generator", params=dict(
            spike_times=[round(e[0] * DT, 1) for e in mine], spike_weights=weight))
        synapse = dict(static, receptor_type=receptor) if receptors > 1 else static
        nest.Connect(generator, neuron, syn_spec=synapse)
    # an amplitude from step * dt on is first sent in update step - 1 and delivered in update step
    changes = [(step, value * amplitude) for step, value in CURRENT_STEPS if step > 0]
    current = nest.Create("step_current_generator", params=dict(
        amplitude_times=[round(step * DT, 1) for step, _ in changes],
        amplitude_values=[value for _, value in changes]))
    nest.Connect(current, neuron, syn_spec=static)
    recorder = nest.Create("spike_recorder")
    meter = nest.Create("multimeter", params=dict(interval=DT, record_from=["V_m"]))
    nest.Connect(neuron, recorder)
    nest.Connect(meter, neuron)
    nest.Simulate(STEPS * DT + 1)
    spikes = [round(t / DT) for t in recorder.events["times"]]
    return [s for s in spikes if s <= STEPS], [float(v) for v in meter.events["V_m"][:STEPS]]


def run_neuron(params, weights, events):
    """Spike steps of NEURON's IntFire1. Its refractory time ends between two events, so that their
    order is not left to rounding; the model rounds it up to a step."""
    from neuron import h

    h.load_file("stdrun.hoc")
    cell = h.IntFire1()
    cell.tau, cell.refrac = params["tau"], params["refrac"]
    connection = h.NetCon(None, cell)
    out = h.NetCon(cell, None)
    times = h.Vector()
    out.record(times)
    h.CVode().active(True)
    h.finitialize()
    sums = {}
    for step, _, factor in events:
        sums[step] = sums.get(step, 0.0) + factor * weights[0 if factor > 0 else 1]
    for step, weight in sorted(sums.items()):
        h.CVode().solve((step + 0.5) * DT)
        connection.weight[0] = weight
        connection.event((step + 1) * DT)
        h.CVode().solve((step + 1.25) * DT)
    return [round(t / DT) for t in times if round(t / DT) <= STEPS], []


def numbers(params):
    """Lists become name_1, name_2, ...; flags 0 or 1."""
    for name, value in sorted(params.items()):
        if isinstance(value, list):
            yield from ((f"{name}_{k}", float(v)) for k, v in enumerate(value, 1))
        else:
            yield name, float(value)


def text(name, events):
    model, params, amplitude, weights = CASES[name]
    run = run_neuron(params, weights, events) if model == "IntFire1" else run_nest(
        model, params, amplitude, weights, events)
    lines = [f"model,{model}", f"weights,{weights[0]},{weights[1]}"]
    lines += [f"param,{key},{value!r}" for key, value in numbers(params)]
    lines += [f"current,{step},{value * amplitude!r}" for step, value in CURRENT_STEPS]
    lines += [f"spike,{step}" for step in run[0]]
    lines += [f"trace,{k + 1},{run[1][k]!r}" for k in range(TRACE - 1, len(run[1]), TRACE)]
    return "\n".join(lines) + "\n"


def difference(old, new):
    """None, or the first line in which two reference files differ."""
    if len(old) != len(new):
        return f"{len(new)} lines, expected {len(old)}"
    for was, line in zip(old, new):
        if was == line:
            continue
        head, _, value = line.rpartition(",")
        near = head.startswith("trace,") and was.startswith(head + ",") and abs(
            float(value) - float(was.rpartition(",")[2])) <= 1e-9 * max(1.0, abs(float(value)))
        if not near:
            return f"{line}, expected {was}"
    return None


def contents():
    """Name and content of each reference file."""
    events = inputs()
    yield "inputs", "".join(f"{s},{r},{f!r}\n" for s, r, f in events)
    for name in CASES:
        yield name, text(name, events)


def differences(folder):
    """Name of each reference file, and None or what the simulators say otherwise now."""
    for name, content in contents():
        old = (Path(folder) / f"{name}.csv").read_text()
        yield name, difference(old.splitlines(), content.splitlines())


def main(arguments):
    folder = Path(arguments[-1])
    bad = 0
    if arguments[:1] == ["--check"]:
        for name, wrong in differences(folder):
            print(f"{name}: {wrong or 'as before'}")
            bad |= wrong is not None
        return bad
    for name, content in contents():
        (folder / f"{name}.csv").write_text(content)
        print(name, content.count("spike,"), "spikes")
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) if len(sys.argv) > 1 else __doc__)
