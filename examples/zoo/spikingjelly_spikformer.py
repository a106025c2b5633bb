"""Spikformer as SpikingJelly's own class has it: max pools in front of the neurons, queries, keys
and values from one convolution and one neuron, no biases, outputs at every step."""
from spikingjelly.activation_based.model.spikformer import Spikformer


def cifar(depth=4, dim=384, heads=12, classes=10, steps=4, size=32):
    return Spikformer(T=steps, img_size_h=size, img_size_w=size, patch_size=4, num_classes=classes,
                      embed_dims=dim, num_heads=heads, depths=depth)


def imagenet(depth=4, dim=256, heads=8, classes=1000, steps=4, size=224):
    return Spikformer(T=steps, img_size_h=size, img_size_w=size, patch_size=16,
                      num_classes=classes, embed_dims=dim, num_heads=heads, depths=depth)
