"""Spike-driven Transformer V2, Meta-SpikeFormer (Yao et al., ICLR 2024).

Four stages: two of convolutional blocks, two of transformer blocks, all on a real-valued residual
stream. A projection of the attention is a re-parameterised convolution: 1x1, depthwise 3x3 and 1x1
with batch norms, which is one dense 3x3 convolution. In the separable convolutions real values
pass from the depthwise layer to the pointwise one.
"""
from torch import nn

from layers import OverSteps, conv_bn, merge_heads, point_bn, repeat, split_heads
from neurons import LIF


class Downsample(nn.Module):
    def __init__(self, channels, out, kernel, stride, first=False):
        super().__init__()
        self.lif = nn.Identity() if first else LIF()
        self.conv = conv_bn(channels, out, kernel, stride, bias=True)

    def forward(self, x):
        return self.conv(self.lif(x))


class SeparableConv(nn.Module):
    def __init__(self, dim):
        super().__init__()
        hidden = 2 * dim
        self.lif1, self.widen = LIF(), conv_bn(dim, hidden, 1)
        self.lif2 = LIF()
        self.narrow = OverSteps(nn.Conv2d(hidden, hidden, 7, padding=3, groups=hidden, bias=False),
                                nn.Conv2d(hidden, dim, 1, bias=False), nn.BatchNorm2d(dim))

    def forward(self, u):
        return self.narrow(self.lif2(self.widen(self.lif1(u))))


class ConvBlock(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.separable = SeparableConv(dim)
        self.lif1, self.conv1 = LIF(), conv_bn(dim, 4 * dim)
        self.lif2, self.conv2 = LIF(), conv_bn(4 * dim, dim)

    def forward(self, u):
        u = u + self.separable(u)
        return u + self.conv2(self.lif2(self.conv1(self.lif1(u))))


def rep_conv(dim):
    """The border that the 3x3 convolution needs is put around the first 1x1 convolution, in front
    of its batch norm: its value is what batch norm makes of 0."""
    return OverSteps(nn.Conv2d(dim, dim, 1, padding=1, bias=False), nn.BatchNorm2d(dim),
                     nn.Conv2d(dim, dim, 3, groups=dim, bias=False),
                     nn.Conv2d(dim, dim, 1, bias=False), nn.BatchNorm2d(dim), nn.BatchNorm2d(dim))


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads, self.scale = heads, 0.125
        self.lif = LIF()
        for name in "qkv":
            setattr(self, name, rep_conv(dim))
            setattr(self, f"{name}_lif", LIF())
        self.attn_lif = LIF(v_threshold=0.5)
        self.proj = rep_conv(dim)

    def forward(self, u):
        z = self.lif(u)
        q = split_heads(self.q_lif(self.q(z)).flatten(3), self.heads)
        k = split_heads(self.k_lif(self.k(z)).flatten(3), self.heads)
        v = split_heads(self.v_lif(self.v(z)).flatten(3), self.heads)
        y = q @ (k.transpose(-2, -1) @ v) * self.scale
        return self.proj(self.attn_lif(merge_heads(y)).reshape(u.shape))


class TransformerBlock(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.attn = Attention(dim, heads)
        self.lif1, self.fc1 = LIF(), point_bn(dim, 4 * dim, bias=True)
        self.lif2, self.fc2 = LIF(), point_bn(4 * dim, dim, bias=True)

    def forward(self, u):
        u = u + self.attn(u)
        y = self.fc2(self.lif2(self.fc1(self.lif1(u.flatten(3)))))
        return u + y.reshape(u.shape)


class MetaSpikeFormer(nn.Module):
    """image [B, 3, H, W] -> classes [B, classes]"""

    def __init__(self, dim, heads, classes, depths=(6, 2), steps=4):
        super().__init__()
        self.steps = steps
        self.body = nn.Sequential(
            Downsample(3, dim // 2, 7, 2, first=True), ConvBlock(dim // 2),
            Downsample(dim // 2, dim, 3, 2), ConvBlock(dim),
            Downsample(dim, 2 * dim, 3, 2), ConvBlock(2 * dim), ConvBlock(2 * dim),
            Downsample(2 * dim, 4 * dim, 3, 2),
            *(TransformerBlock(4 * dim, heads) for _ in range(depths[0])),
            Downsample(4 * dim, 5 * dim, 3, 1),
            *(TransformerBlock(5 * dim, heads) for _ in range(depths[1])))
        self.head_lif, self.head = LIF(), nn.Linear(5 * dim, classes)

    def forward(self, image):
        u = self.body(repeat(image, self.steps))
        return self.head(self.head_lif(u.flatten(3).mean(3))).mean(0)


def imagenet(dim=96, heads=8, classes=1000, depths=(6, 2), steps=4):
    return MetaSpikeFormer(dim, heads, classes, depths, steps)
