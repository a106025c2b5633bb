"""QKFormer (Zhou et al., NeurIPS 2024): three stages, residual sums of spikes.

In the first two stages attention is linear in the number of tokens: the queries of a head, summed
over its channels (or over the tokens), become a mask of the keys. The last stage has the attention
of Spikformer. Patch embeddings pool real values, in front of the neuron, and add a shortcut; the
CIFAR form begins without pooling and pools later in an embedding.
"""
from torch import nn

from layers import conv_bn, merge_heads, point_bn, repeat, split_heads
from neurons import LIF


class Embedding(nn.Module):
    """Convolutions with a neuron after each (and a pool before it where `pools` says so), plus a
    1x1 convolution around them; halves the image if one of them pools."""

    def __init__(self, channels, out, pools):
        super().__init__()
        self.main = nn.Sequential()
        for k, pool in enumerate(pools):
            self.main.append(conv_bn(out if k else channels, out, pool=pool)).append(LIF())
        self.side = nn.Sequential(conv_bn(channels, out, 1, stride=2 if any(pools) else 1), LIF())

    def forward(self, x):
        return self.main(x) + self.side(x)


class QKAttention(nn.Module):
    """over="channels": one bit of the mask for each token; over="tokens": for each channel."""

    def __init__(self, dim, heads, over="channels"):
        super().__init__()
        self.heads, self.axis = heads, 3 if over == "channels" else 4
        self.q, self.q_lif = point_bn(dim, dim), LIF()
        self.k, self.k_lif = point_bn(dim, dim), LIF()
        self.mask_lif = LIF(v_threshold=0.5)
        self.proj, self.proj_lif = point_bn(dim, dim, bias=True), LIF()

    def forward(self, x):
        steps, batch, dim, tokens = x.shape
        by_head = (steps, batch, self.heads, dim // self.heads, tokens)
        q = self.q_lif(self.q(x)).reshape(by_head)
        k = self.k_lif(self.k(x)).reshape(by_head)
        mask = self.mask_lif(q.sum(dim=self.axis, keepdim=True))
        return self.proj_lif(self.proj(mask.mul(k).flatten(2, 3)))


class Attention(nn.Module):
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


class Block(nn.Module):
    def __init__(self, dim, attention):
        super().__init__()
        self.attn = attention
        self.fc1, self.lif1 = point_bn(dim, 4 * dim, bias=True), LIF()
        self.fc2, self.lif2 = point_bn(4 * dim, dim, bias=True), LIF()

    def forward(self, x):
        x = x + self.attn(x)
        return x + self.lif2(self.fc2(self.lif1(self.fc1(x))))


class Stage(nn.Module):
    def __init__(self, embedding, blocks):
        super().__init__()
        self.embedding, self.blocks = embedding, nn.Sequential(*blocks)

    def forward(self, x):
        x = self.embedding(x)
        return self.blocks(x.flatten(3)).reshape(x.shape)


class QKFormer(nn.Module):
    """image [B, 3, H, W] -> classes [B, classes]; form: imagenet or cifar"""

    def __init__(self, form, depths, dim, heads, classes, steps=4):
        super().__init__()
        self.steps = steps
        large = form == "imagenet"
        first, others = ((True, False),) * 2 if large else ((False,), (False, True))
        a, b, c = dim // 4, dim // 2, dim
        self.start = nn.Sequential(conv_bn(3, a // 2, pool=large), LIF())
        self.stages = nn.Sequential(
            Stage(Embedding(a // 2, a, first),
                  (Block(a, QKAttention(a, heads)) for _ in range(depths[0]))),
            Stage(Embedding(a, b, others),
                  (Block(b, QKAttention(b, heads)) for _ in range(depths[1]))),
            Stage(Embedding(b, c, others),
                  (Block(c, Attention(c, heads)) for _ in range(depths[2]))))
        self.head = nn.Linear(dim, classes)

    def forward(self, image):
        x = self.stages(self.start(repeat(image, self.steps)))
        return self.head(x.flatten(3).mean(3).mean(0))


def imagenet(depths=(1, 2, 7), dim=384, heads=6, classes=1000, steps=4):
    return QKFormer("imagenet", depths, dim, heads, classes, steps)


def cifar(depths=(1, 1, 2), dim=384, heads=8, classes=10, steps=4):
    return QKFormer("cifar", depths, dim, heads, classes, steps)
