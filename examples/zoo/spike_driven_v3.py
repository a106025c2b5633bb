"""Spike-driven Transformer V3, E-SpikeFormer (Yao et al., TPAMI 2025).

The skeleton of V2 with neurons that have no memory and fire 0..4 spikes at once (see MultiSpike);
on a chip the 4 spikes take 4 virtual steps, so the model itself runs for one. A neuron stands
between depthwise and pointwise convolution, so weights never meet real values. The values of the
attention are four times as wide as queries and keys.
"""
from torch import nn

from layers import OverSteps, conv_bn, merge_heads, point_bn, repeat, split_heads
from neurons import MultiSpike


class Downsample(nn.Module):
    def __init__(self, channels, out, kernel, stride, first=False):
        super().__init__()
        self.spike = nn.Identity() if first else MultiSpike()
        self.conv = conv_bn(channels, out, kernel, stride, bias=True)

    def forward(self, x):
        return self.conv(self.spike(x))


class SeparableConv(nn.Sequential):
    def __init__(self, dim, kernel):
        hidden = 2 * dim
        super().__init__(MultiSpike(), conv_bn(dim, hidden, 1),
                         MultiSpike(), conv_bn(hidden, hidden, kernel, groups=hidden),
                         MultiSpike(), conv_bn(hidden, dim, 1))


class ConvBlock(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.separable = SeparableConv(dim, 7)
        self.convs = nn.Sequential(MultiSpike(), conv_bn(dim, 4 * dim),
                                   MultiSpike(), conv_bn(4 * dim, dim))

    def forward(self, u):
        u = u + self.separable(u)
        return u + self.convs(u)


class Attention(nn.Module):
    def __init__(self, dim, heads, ratio=4):
        super().__init__()
        self.heads, self.scale = heads, 2 * (dim // heads) ** -0.5
        self.spike = MultiSpike()
        self.q, self.q_spike = conv_bn(dim, dim, 1), MultiSpike()
        self.k, self.k_spike = conv_bn(dim, dim, 1), MultiSpike()
        self.v, self.v_spike = conv_bn(dim, ratio * dim, 1), MultiSpike()
        self.attn_spike = MultiSpike()
        self.proj = conv_bn(ratio * dim, dim, 1)

    def forward(self, u):
        z = self.spike(u)
        q = split_heads(self.q_spike(self.q(z)).flatten(3), self.heads)
        k = split_heads(self.k_spike(self.k(z)).flatten(3), self.heads)
        v = split_heads(self.v_spike(self.v(z)).flatten(3), self.heads)
        y = merge_heads((q @ k.transpose(-2, -1) @ v) * self.scale)
        y = self.attn_spike(y)
        return self.proj(y.reshape(*y.shape[:3], *u.shape[3:]))


class TransformerBlock(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.separable = SeparableConv(dim, 3)
        self.attn = Attention(dim, heads)
        self.mlp = nn.Sequential(MultiSpike(), point_bn(dim, 4 * dim, bias=True),
                                 MultiSpike(), point_bn(4 * dim, dim, bias=True))

    def forward(self, u):
        u = u + self.separable(u)
        u = u + self.attn(u)
        return u + self.mlp(u.flatten(3)).reshape(u.shape)


class ESpikeFormer(nn.Module):
    """image [B, 3, H, W] -> classes [B, classes]; `dims` are the widths of the four stages."""

    def __init__(self, dims, heads, classes, depths=(6, 2), steps=1):
        super().__init__()
        self.steps = steps
        a, b, c, d = dims
        self.body = nn.Sequential(
            Downsample(3, a // 2, 7, 2, first=True), ConvBlock(a // 2),
            Downsample(a // 2, a, 3, 2), ConvBlock(a),
            Downsample(a, b, 3, 2), ConvBlock(b), ConvBlock(b),
            Downsample(b, c, 3, 2), *(TransformerBlock(c, heads) for _ in range(depths[0])),
            Downsample(c, d, 3, 1), *(TransformerBlock(d, heads) for _ in range(depths[1])))
        self.head_spike, self.head = MultiSpike(), nn.Linear(d, classes)

    def forward(self, image):
        u = self.body(repeat(image, self.steps))
        return self.head(self.head_spike(u.flatten(3).mean(3))).mean(0)


def small(dims=(32, 64, 128, 192), heads=8, classes=1000, depths=(6, 2), steps=1):
    return ESpikeFormer(dims, heads, classes, depths, steps)


def medium(dims=(48, 96, 192, 240), heads=8, classes=1000, depths=(6, 2), steps=1):
    return ESpikeFormer(dims, heads, classes, depths, steps)


def large(dims=(64, 128, 256, 360), heads=8, classes=1000, depths=(6, 2), steps=1):
    return ESpikeFormer(dims, heads, classes, depths, steps)
