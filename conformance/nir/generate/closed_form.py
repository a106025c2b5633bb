"""Closed forms of single neurons under inputs that are constant over segments of steps.

Between two resets the state has a formula in the number of steps n since the last reset or change
of the input; nothing is iterated:

    IF           v_n = v_0 + n g x
    LIF          v_n = v_inf + (v_0 - v_inf) k^n
    CubaLIF      i_n = i_inf + (i_0 - i_inf) a^n
                 v_n = L + (v_0 - L) k^n + g (i_inf (1 - k^n) / (1 - k)
                       + (i_0 - i_inf) a (a^n - k^n) / (a - k))
    CubaLIF, exact: both equations solved at time n dt; c = tau_syn / (tau_syn - tau_mem)
                 v_n = L + r i_inf + r c (i_0 - i_inf) (a^n - k^n) + (v_0 - L - r i_inf) k^n

k, a: what a step keeps of v and i; g: gain; L: v_leak. primitives.py checks that the definition
gives the same fractions at every step.
"""
from fractions import Fraction


def neuron(segments, keep, gain, leak=0, synapse=None, threshold=None, compare="gt", reset=None,
           subtract=False):
    """segments: (steps, x) pairs. keep 1: no leak. synapse: (a, gain of i, r c for exact or None).
    threshold None: never spikes. reset: value after a spike. Returns lists z, v, i, one entry per
    step."""
    z, v, i = [], [], []
    v0, i0 = Fraction(0), Fraction(0)
    for steps, x in segments:
        n = 0
        for _ in range(steps):
            n += 1
            value, current = after(n, x, v0, i0, keep, gain, leak, synapse)
            spike = threshold is not None and (
                value > threshold if compare == "gt" else value >= threshold)
            if spike:
                value = value - threshold if subtract else reset
                v0, i0, n = value, current, 0
            z.append(int(spike))
            v.append(value)
            i.append(current)
        v0, i0 = v[-1], i[-1]
    return z, v, i


def after(n, x, v0, i0, keep, gain, leak, synapse):
    if synapse is None:
        if keep == 1:
            return v0 + n * gain * x, i0
        limit = leak + gain * x / (1 - keep)
        return limit + (v0 - limit) * keep**n, i0
    a, gain_i, coupling = synapse
    limit = gain_i * x / (1 - a)
    current = limit + (i0 - limit) * a**n
    if coupling is not None:
        r = gain / (1 - keep)
        rest = leak + r * limit
        return (rest + coupling * (i0 - limit) * (a**n - keep**n) + (v0 - rest) * keep**n,
                current)
    v = leak + (v0 - leak) * keep**n + gain * (
        limit * (1 - keep**n) / (1 - keep) + (i0 - limit) * a * (a**n - keep**n) / (a - keep))
    return v, current
