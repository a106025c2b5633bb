"""What several of the models share. Tensors are [T, B, C, H, W], or [T, B, C, N] for N tokens."""
from torch import nn


class OverSteps(nn.Sequential):
    """Layers without state, applied to every step by itself: T and B are one axis inside."""

    def forward(self, x):
        y = super().forward(x.flatten(0, 1))
        return y.reshape(x.shape[0], x.shape[1], *y.shape[1:])


def conv_bn(channels, out, kernel=3, stride=1, groups=1, bias=False, pool=False):
    """Convolution that keeps the size (but for its stride), batch norm, perhaps a max pool."""
    layers = [nn.Conv2d(channels, out, kernel, stride, kernel // 2, groups=groups, bias=bias),
              nn.BatchNorm2d(out)]
    return OverSteps(*layers, *([halve()] if pool else []))


def point_bn(channels, out, bias=False):
    """The same linear layer for every token, then batch norm."""
    return OverSteps(nn.Conv1d(channels, out, 1, bias=bias), nn.BatchNorm1d(out))


def halve():
    return nn.MaxPool2d(3, stride=2, padding=1)


def split_heads(x, heads):
    """[T, B, C, N] -> [T, B, heads, N, C / heads]"""
    steps, batch, channels, tokens = x.shape
    return x.reshape(steps, batch, heads, channels // heads, tokens).transpose(-1, -2)


def merge_heads(x):
    """[T, B, heads, N, d] -> [T, B, heads * d, N]"""
    steps, batch, heads, tokens, width = x.shape
    return x.transpose(-1, -2).reshape(steps, batch, heads * width, tokens)


def repeat(image, steps):
    """Direct coding: the image at every step."""
    return image.unsqueeze(0).repeat(steps, 1, 1, 1, 1)
