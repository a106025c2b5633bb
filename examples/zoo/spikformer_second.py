"""Spikformer once more, from the text of the paper alone, with nothing of the other file.

Where the paper leaves the layout open this one goes other ways: the batch comes before time, tokens
before channels, one matrix makes queries, keys and values, weights are bare parameters that
functions use, and the neuron is written as the paper's equations (1) to (3) are, for one step, and
knows nothing of other libraries. So an exporter that finds this one right has not learned the other
file by heart.

    H[t] = V[t-1] + (X[t] - (V[t-1] - Vreset)) / tau
    S[t] = heaviside(H[t] - Vth)
    V[t] = H[t] (1 - S[t]) + Vreset S[t]
"""
import torch
from torch.nn import Module, ModuleList, Parameter, functional


class SpikeNeuron(Module):
    """(batch, time, ...) to spikes of that shape."""

    def __init__(self, threshold=1.0):
        super().__init__()
        self.threshold, self.leak, self.rest = threshold, 2.0, 0.0

    def forward(self, current):
        membrane, spikes = torch.full_like(current[:, 0], self.rest), []
        for now in current.unbind(1):
            charged = membrane + (now - (membrane - self.rest)) / self.leak
            spike = torch.heaviside(charged - self.threshold, torch.ones_like(charged))
            membrane = charged * (1 - spike) + self.rest * spike
            spikes.append(spike)
        return torch.stack(spikes, 1)


class Normalised(Module):
    """A weight with the batch norm that follows it; a linear layer or a 3x3 convolution."""

    def __init__(self, fan_in, fan_out, *window):
        super().__init__()
        self.weight = Parameter(torch.empty(fan_out, fan_in, *window).normal_(0, 0.02))
        self.gamma, self.beta = Parameter(torch.ones(fan_out)), Parameter(torch.zeros(fan_out))
        self.register_buffer("mean", torch.zeros(fan_out))
        self.register_buffer("variance", torch.ones(fan_out))

    def norm(self, y):
        return functional.batch_norm(y, self.mean, self.variance, self.gamma, self.beta)


class Convolve(Normalised):
    def __init__(self, fan_in, fan_out):
        super().__init__(fan_in, fan_out, 3, 3)

    def forward(self, x):
        flat = x.reshape(-1, *x.shape[2:])
        y = self.norm(functional.conv2d(flat, self.weight, padding=1))
        return y.view(x.shape[0], x.shape[1], *y.shape[1:])


class Project(Normalised):
    """On the last axis; every token of every step is a row of one matrix."""

    def forward(self, x):
        y = functional.linear(x, self.weight)
        return self.norm(y.reshape(-1, y.shape[-1])).reshape(y.shape)


def pool(x):
    y = functional.max_pool2d(x.reshape(-1, *x.shape[2:]), 3, 2, 1)
    return y.view(*x.shape[:3], *y.shape[2:])


class Encoder(Module):
    """Attention and feed-forward of one block, with its neurons in one list."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.join = Project(width, 3 * width), Project(width, width)
        self.up, self.down = Project(width, 4 * width), Project(4 * width, width)
        self.fire = ModuleList([SpikeNeuron(), SpikeNeuron(0.5), *(SpikeNeuron() for _ in "abc")])

    def attend(self, x):
        batch, time, tokens, width = x.shape
        spikes = self.fire[0](self.qkv(x))
        by_head = (batch, time, tokens, self.heads, width // self.heads)
        q, k, v = (part.reshape(by_head).transpose(2, 3) for part in spikes.chunk(3, dim=-1))
        mixed = torch.matmul(torch.matmul(q, k.mT), v).mul(0.125)
        mixed = self.fire[1](mixed.transpose(2, 3).flatten(3))
        return self.fire[2](self.join(mixed))

    def forward(self, x):
        x = torch.add(x, self.attend(x))
        return torch.add(x, self.fire[4](self.down(self.fire[3](self.up(x)))))


class SecondSpikformer(Module):
    """(batch, 3, 32, 32) to (batch, classes)"""

    def __init__(self, depth, width, heads, classes, steps):
        super().__init__()
        self.steps = steps
        widths = (3, width // 8, width // 4, width // 2, width)
        self.patch = ModuleList(map(Convolve, widths[:-1], widths[1:]))
        self.position = Convolve(width, width)
        self.fire = ModuleList(SpikeNeuron() for _ in range(5))
        self.encoders = ModuleList(Encoder(width, heads) for _ in range(depth))
        self.out = Parameter(torch.empty(classes, width).normal_(0, 0.1))

    def forward(self, image):
        x = torch.stack([image] * self.steps, dim=1)
        for k, patch in enumerate(self.patch):
            x = self.fire[k](patch(x))
            if k >= 2:
                x = pool(x)
        x = x + self.fire[4](self.position(x))
        x = x.flatten(3).transpose(2, 3)
        for encoder in self.encoders:
            x = encoder(x)
        return functional.linear(torch.mean(x, dim=(1, 2)), self.out)


def cifar(depth=2, dim=384, heads=12, classes=10, steps=4):
    return SecondSpikformer(depth, dim, heads, classes, steps)
