"""Spike-driven Transformer (Yao et al., NeurIPS 2023).

The residual stream is real-valued and a neuron stands before every weight layer, so weights meet
bits only. Attention is a mask: where a channel of k and v agree often enough, q passes. It takes
no multiplication, and heads play no part.
"""
from torch import nn

from layers import OverSteps, conv_bn, halve, point_bn, repeat
from neurons import LIF


class Stem(nn.Module):
    """Three convolutions with spikes after them; the fourth pools real values and begins the
    residual stream."""

    def __init__(self, dim, pools):
        super().__init__()
        widths = [3, dim // 8, dim // 4, dim // 2]
        self.convs = nn.ModuleList(conv_bn(a, b) for a, b in zip(widths, widths[1:]))
        self.lifs = nn.ModuleList(LIF() for _ in self.convs)
        self.pools = nn.ModuleList(OverSteps(halve()) if pool else nn.Identity()
                                   for pool in pools[:3])
        self.last = conv_bn(dim // 2, dim, pool=pools[3])
        self.rpe_lif, self.rpe_conv = LIF(), conv_bn(dim, dim)

    def forward(self, x):
        for conv, lif, pool in zip(self.convs, self.lifs, self.pools):
            x = pool(lif(conv(x)))
        u = self.last(x)
        return u + self.rpe_conv(self.rpe_lif(u))


class Attention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.lif = LIF()
        for name in "qkv":
            setattr(self, name, point_bn(dim, dim))
            setattr(self, f"{name}_lif", LIF())
        self.kv_lif = LIF(v_threshold=0.5)
        self.proj = point_bn(dim, dim, bias=True)

    def forward(self, u):
        z = self.lif(u)
        q, k, v = (self.q_lif(self.q(z)), self.k_lif(self.k(z)), self.v_lif(self.v(z)))
        mask = self.kv_lif(k.mul(v).sum(dim=-1, keepdim=True))
        return self.proj(q.mul(mask))


class MLP(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.lif1, self.fc1 = LIF(), point_bn(dim, hidden, bias=True)
        self.lif2, self.fc2 = LIF(), point_bn(hidden, dim, bias=True)

    def forward(self, u):
        return self.fc2(self.lif2(self.fc1(self.lif1(u))))


class SpikeDrivenTransformer(nn.Module):
    """image [B, 3, H, W] -> classes [B, classes]"""

    def __init__(self, depth, dim, classes, pools, steps=4):
        super().__init__()
        self.steps = steps
        self.stem = Stem(dim, pools)
        self.attns = nn.ModuleList(Attention(dim) for _ in range(depth))
        self.mlps = nn.ModuleList(MLP(dim, 4 * dim) for _ in range(depth))
        self.head_lif, self.head = LIF(), nn.Linear(dim, classes)

    def forward(self, image):
        u = self.stem(repeat(image, self.steps)).flatten(3)
        for attn, mlp in zip(self.attns, self.mlps):
            u = u + attn(u)
            u = u + mlp(u)
        return self.head(self.head_lif(u.mean(3))).mean(0)


def imagenet(depth=8, dim=512, classes=1000, steps=4):
    return SpikeDrivenTransformer(depth, dim, classes, (True,) * 4, steps)


def cifar(depth=2, dim=512, classes=10, steps=4):
    return SpikeDrivenTransformer(depth, dim, classes, (False, False, True, True), steps)
