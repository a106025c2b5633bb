"""Spikingformer (Zhou et al., 2023): Spikformer with a real-valued residual stream.

A neuron stands before every weight layer, and the stream reaches the head as it is.
"""
from torch import nn

from layers import OverSteps, conv_bn, halve, merge_heads, point_bn, repeat, split_heads
from neurons import LIF


class Stem(nn.Module):
    def __init__(self, dim, pools):
        super().__init__()
        widths = [dim // 8, dim // 4, dim // 2, dim, dim]
        self.first = conv_bn(3, dim // 8)
        self.lifs = nn.ModuleList(LIF() for _ in pools)
        self.convs = nn.ModuleList(
            OverSteps(*([halve()] if pool else []), nn.Conv2d(a, b, 3, padding=1, bias=False),
                      nn.BatchNorm2d(b)) for pool, a, b in zip(pools, widths, widths[1:]))

    def forward(self, x):
        u = self.first(x)
        for lif, conv in zip(self.lifs, self.convs):
            u = conv(lif(u))
        return u


class Attention(nn.Module):
    def __init__(self, dim, heads, quadratic):
        super().__init__()
        self.heads, self.quadratic, self.scale = heads, quadratic, 0.125
        self.lif = LIF()
        for name in "qkv":
            setattr(self, name, point_bn(dim, dim))
            setattr(self, f"{name}_lif", LIF())
        self.attn_lif = LIF(v_threshold=0.5)
        self.proj = point_bn(dim, dim, bias=True)

    def forward(self, u):
        z = self.lif(u)
        q = split_heads(self.q_lif(self.q(z)), self.heads)
        k = split_heads(self.k_lif(self.k(z)), self.heads)
        v = split_heads(self.v_lif(self.v(z)), self.heads)
        if self.quadratic:
            y = (q @ k.transpose(-2, -1)) @ v * self.scale
        else:
            y = q @ (k.transpose(-2, -1) @ v) * self.scale
        return self.proj(self.attn_lif(merge_heads(y)))


class Block(nn.Module):
    def __init__(self, dim, heads, quadratic):
        super().__init__()
        self.attn = Attention(dim, heads, quadratic)
        self.lif1, self.fc1 = LIF(), point_bn(dim, 4 * dim, bias=True)
        self.lif2, self.fc2 = LIF(), point_bn(4 * dim, dim, bias=True)

    def forward(self, u):
        u = u + self.attn(u)
        return u + self.fc2(self.lif2(self.fc1(self.lif1(u))))


class Spikingformer(nn.Module):
    """image [B, 3, H, W] -> classes [B, classes]"""

    def __init__(self, depth, dim, heads, classes, pools, quadratic, steps=4):
        super().__init__()
        self.steps = steps
        self.stem = Stem(dim, pools)
        self.blocks = nn.Sequential(*(Block(dim, heads, quadratic) for _ in range(depth)))
        self.head = nn.Linear(dim, classes)

    def forward(self, image):
        u = self.stem(repeat(image, self.steps))
        u = self.blocks(u.flatten(3))
        return self.head(u.mean(3).mean(0))


def imagenet(depth=8, dim=512, heads=8, classes=1000, steps=4):
    return Spikingformer(depth, dim, heads, classes, (True,) * 4, False, steps)


def cifar(depth=4, dim=384, heads=12, classes=10, steps=4):
    return Spikingformer(depth, dim, heads, classes, (False, False, True, True), True, steps)
