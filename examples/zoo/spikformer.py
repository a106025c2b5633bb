"""Spikformer (Zhou et al., ICLR 2023): residual sums of spikes, softmax-free spiking attention.

Two forms, which differ as the published ones do. CIFAR: linear layers with biases on tokens of
channels last, attention as (q k^T) v, two poolings. ImageNet: 1x1 convolutions, attention as
q (k^T v), four poolings. Published checkpoints hold two layer norms per block that are never used;
so does this.
"""
from torch import nn

from layers import OverSteps, conv_bn, halve, merge_heads, point_bn, repeat, split_heads
from neurons import LIF


class Stem(nn.Module):
    """Spiking patch splitting: four convolutions with spikes between, and a fifth that looks at the
    surroundings of every patch (relative position)."""

    def __init__(self, dim, pools):
        super().__init__()
        widths = [3, dim // 8, dim // 4, dim // 2, dim]
        self.convs = nn.ModuleList(conv_bn(a, b) for a, b in zip(widths, widths[1:]))
        self.lifs = nn.ModuleList(LIF() for _ in range(4))
        self.pools = nn.ModuleList(OverSteps(halve()) if pool else nn.Identity() for pool in pools)
        self.rpe_conv, self.rpe_lif = conv_bn(dim, dim), LIF()

    def forward(self, x):
        for conv, lif, pool in zip(self.convs, self.lifs, self.pools):
            x = pool(lif(conv(x)))
        return x + self.rpe_lif(self.rpe_conv(x))


class LinearBN(nn.Module):
    """Linear layer on [T, B, N, C]; the batch norm wants channels before tokens."""

    def __init__(self, channels, out):
        super().__init__()
        self.linear, self.bn = nn.Linear(channels, out), nn.BatchNorm1d(out)

    def forward(self, x):
        y = self.linear(x.flatten(0, 1))
        y = self.bn(y.transpose(-1, -2)).transpose(-1, -2)
        return y.reshape(*x.shape[:3], -1).contiguous()


class CifarAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads, self.scale = heads, 0.125
        for name in "qkv":
            setattr(self, name, LinearBN(dim, dim))
            setattr(self, f"{name}_lif", LIF())
        self.attn_lif = LIF(v_threshold=0.5)
        self.proj, self.proj_lif = LinearBN(dim, dim), LIF()

    def to_heads(self, x):
        steps, batch, tokens, dim = x.shape
        return x.reshape(steps, batch, tokens, self.heads, dim // self.heads).permute(0, 1, 3, 2, 4)

    def forward(self, x):
        q = self.to_heads(self.q_lif(self.q(x)))
        k = self.to_heads(self.k_lif(self.k(x)))
        v = self.to_heads(self.v_lif(self.v(x)))
        y = ((q @ k.transpose(-2, -1)) * self.scale) @ v
        y = self.attn_lif(y.transpose(2, 3).reshape(x.shape))
        return self.proj_lif(self.proj(y))


class ImagenetAttention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads, self.scale = heads, 0.125
        for name in "qkv":
            setattr(self, name, point_bn(dim, dim))
            setattr(self, f"{name}_lif", LIF())
        self.attn_lif = LIF(v_threshold=0.5)
        self.proj, self.proj_lif = point_bn(dim, dim, bias=True), LIF()

    def forward(self, x):
        q = split_heads(self.q_lif(self.q(x)), self.heads)
        k = split_heads(self.k_lif(self.k(x)), self.heads)
        v = split_heads(self.v_lif(self.v(x)), self.heads)
        y = (q @ (k.transpose(-2, -1) @ v)) * self.scale
        return self.proj_lif(self.proj(self.attn_lif(merge_heads(y))))


class MLP(nn.Module):
    def __init__(self, dim, hidden, layer):
        super().__init__()
        self.fc1, self.lif1 = layer(dim, hidden), LIF()
        self.fc2, self.lif2 = layer(hidden, dim), LIF()

    def forward(self, x):
        return self.lif2(self.fc2(self.lif1(self.fc1(x))))


class Block(nn.Module):
    def __init__(self, dim, attention, mlp):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn, self.mlp = attention, mlp

    def forward(self, x):
        x = x + self.attn(x)
        return x + self.mlp(x)


class Spikformer(nn.Module):
    """image [B, 3, H, W] -> classes [B, classes]"""

    def __init__(self, form, depth, dim, heads, classes, steps=4):
        super().__init__()
        self.form, self.steps = form, steps
        cifar = form == "cifar"
        self.stem = Stem(dim, (False, False, True, True) if cifar else (True,) * 4)
        attention = CifarAttention if cifar else ImagenetAttention
        layer = LinearBN if cifar else lambda a, b: point_bn(a, b, bias=True)
        self.blocks = nn.ModuleList(Block(dim, attention(dim, heads), MLP(dim, 4 * dim, layer))
                                    for _ in range(depth))
        self.head = nn.Linear(dim, classes)

    def forward(self, image):
        x = self.stem(repeat(image, self.steps)).flatten(-2)
        if self.form == "cifar":
            x = x.transpose(-1, -2)
        for block in self.blocks:
            x = block(x)
        x = x.mean(2 if self.form == "cifar" else 3)
        return self.head(x.mean(0))


def cifar(depth=4, dim=384, heads=12, classes=10, steps=4):
    return Spikformer("cifar", depth, dim, heads, classes, steps)


def imagenet(depth=8, dim=512, heads=8, classes=1000, steps=4):
    return Spikformer("imagenet", depth, dim, heads, classes, steps)
