"""The neurons of these models. Each takes all steps at once, [T, ...] in and out, and starts from
rest in every call, so there is nothing to reset between samples."""
import torch
from torch import nn


class LIF(nn.Module):
    """Leaky integrate-and-fire; its input decays with its potential, and a spike resets to 0.

        h = v + (x - v) / tau        s = h >= v_threshold        v = 0 where it fired, else h
    """

    def __init__(self, v_threshold=1.0, tau=2.0):
        super().__init__()
        self.v_threshold, self.tau = v_threshold, tau
        self.v_reset, self.decay_input = 0.0, True

    def forward(self, x):
        spikes, v = torch.empty_like(x), torch.zeros_like(x[0])
        for t in range(x.shape[0]):
            h = v + (x[t] - v) / self.tau
            fired = h >= self.v_threshold
            spikes[t] = fired
            v = h.masked_fill(fired, self.v_reset)
        return spikes

    def extra_repr(self):
        return f"v_threshold={self.v_threshold}, tau={self.tau}"


class MultiSpike(nn.Module):
    """A neuron without memory that fires 0 to `levels` spikes at once, each worth 1 / levels:
    the input rounded (halves to even) and clamped."""

    def __init__(self, levels=4):
        super().__init__()
        self.levels = levels

    def forward(self, x):
        return torch.round(torch.clamp(x, 0, self.levels)) / self.levels

    def extra_repr(self):
        return f"levels={self.levels}"
