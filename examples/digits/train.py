#!/usr/bin/env python3
"""Train a spiking transformer on handwritten digits in PyTorch, then compile it for four chips.

    pip install torch scikit-learn ./python
    python examples/digits/train.py

The network is a small Spikformer: spiking convolutions turn an image into 16 tokens, two blocks of
spiking self-attention follow, a linear head reads the rates. Everything is plain PyTorch; the only
neuron is the class LIF below. What is trained, exported, compiled and run is at the end, in main().
"""
import argparse
import os
import pathlib
import time

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # of use where others compute too
import torch
from torch import nn

import spike_transformer_compiler as stc

ROOT = pathlib.Path(__file__).resolve().parents[2]
STEPS, CHANNELS, HEADS, BLOCKS, CHIPS = 4, 64, 4, 2, 4


class Spike(torch.autograd.Function):
    """1 where the membrane is at or above the threshold; the gradient is that of an arctangent."""

    @staticmethod
    def forward(ctx, above):
        ctx.save_for_backward(above)
        return (above >= 0).to(above.dtype)

    @staticmethod
    def backward(ctx, gradient):
        (above,) = ctx.saved_tensors
        return gradient / (1 + (torch.pi * above) ** 2)


class LIF(nn.Module):
    """Leaky integrate-and-fire neurons with reset to zero. Input, spikes: (steps, batch, ...).

    The attributes say all that a compiler has to know: v += (x - v) / tau, a spike where
    v >= v_threshold, then v = v_reset.
    """

    def __init__(self, v_threshold=1.0):
        super().__init__()
        self.tau, self.v_threshold, self.v_reset, self.decay_input = 2.0, v_threshold, 0.0, True

    def forward(self, x):
        v, spikes = torch.zeros_like(x[0]), []
        for current in x:
            v = v + (current - v) / self.tau
            spike = Spike.apply(v - self.v_threshold)
            v = v * (1 - spike)
            spikes.append(spike)
        return torch.stack(spikes)


class Layer(nn.Module):
    """Weights, batch norm, perhaps pooling, with steps and batch as one axis; then neurons."""

    def __init__(self, *stateless):
        super().__init__()
        self.stateless = nn.Sequential(*stateless)
        self.lif = LIF()

    def forward(self, x):
        current = self.stateless(x.flatten(0, 1))
        return self.lif(current.reshape(x.shape[0], x.shape[1], *current.shape[1:]))


def convolution(inputs, outputs, *pooling):
    return Layer(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs),
                 *pooling)


def linear(inputs, outputs):
    """Fully connected along the channels of (channels, tokens)."""
    return Layer(nn.Conv1d(inputs, outputs, 1, bias=False), nn.BatchNorm1d(outputs))


class Attention(nn.Module):
    """Spiking self-attention: products of spikes, no softmax. (steps, batch, channels, tokens)"""

    def __init__(self):
        super().__init__()
        self.query, self.key, self.value = (linear(CHANNELS, CHANNELS) for _ in range(3))
        self.lif = LIF(v_threshold=0.5)
        self.project = linear(CHANNELS, CHANNELS)

    def forward(self, x):
        steps, batch, channels, tokens = x.shape
        q, k, v = (layer(x).reshape(steps, batch, HEADS, channels // HEADS, tokens)
                   for layer in (self.query, self.key, self.value))
        mixed = (v @ (k.transpose(-2, -1) @ q)) * 0.125
        return self.project(self.lif(mixed.reshape(steps, batch, channels, tokens)))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = Attention()
        self.expand, self.shrink = linear(CHANNELS, 4 * CHANNELS), linear(4 * CHANNELS, CHANNELS)

    def forward(self, x):
        x = x + self.attention(x)
        return x + self.shrink(self.expand(x))


class Transformer(nn.Module):
    """(batch, 1, 8, 8) -> (batch, 10)"""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(convolution(1, CHANNELS // 2),
                                  convolution(CHANNELS // 2, CHANNELS, nn.MaxPool2d(3, 2, 1)))
        self.position = convolution(CHANNELS, CHANNELS)
        self.blocks = nn.Sequential(*(Block() for _ in range(BLOCKS)))
        self.head = nn.Linear(CHANNELS, 10)

    def forward(self, image):
        x = self.stem(image.unsqueeze(0).repeat(STEPS, 1, 1, 1, 1))
        x = (x + self.position(x)).flatten(-2)
        return self.head(self.blocks(x).mean(-1)).mean(0)


def load_data():
    """Images (n, 1, 8, 8) of 0 to 1 and labels: training set, test set (that of test.h5)."""
    from sklearn.datasets import load_digits
    digits = load_digits()
    images = torch.tensor(digits.images[:, None] / 16, dtype=torch.float32)
    labels, test = torch.tensor(digits.target), torch.arange(len(images)) % 5 == 0
    return images[~test], labels[~test], images[test], labels[test]


def shifted(images):
    """Every image moved by up to one pixel each way."""
    padded = nn.functional.pad(images, (1, 1, 1, 1))
    moves = torch.randint(0, 3, (len(images), 2)).tolist()
    return torch.stack([image[:, y:y + 8, x:x + 8] for image, (y, x) in zip(padded, moves)])


def accuracy(outputs, labels):
    right = int((outputs.argmax(1) == labels).sum())
    return f"{right} of {len(labels)} right ({right / len(labels):.2%})"


@torch.no_grad()
def evaluate(model, images):
    model.eval()
    return torch.cat([model(part) for part in images.split(90)])


def train(model, images, labels, epochs, batch=64):
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 4e-3, total_steps=epochs * (len(images) // batch))
    start = time.monotonic()
    for epoch in range(1, epochs + 1):
        model.train()
        right, total = 0, 0.0
        parts = torch.randperm(len(images)).split(batch)[:len(images) // batch]
        for rows in parts:
            outputs = model(shifted(images[rows]))
            loss = nn.functional.cross_entropy(outputs, labels[rows], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() / len(parts)
            right += int((outputs.argmax(1) == labels[rows]).sum())
        if epoch % 5 == 0 or epoch in (1, epochs):
            print(f"epoch {epoch:3d}  loss {total:.3f}  training accuracy "
                  f"{right / len(parts) / batch:.1%}  {time.monotonic() - start:.0f} s", flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--epochs", type=int, default=20)
    options.add_argument("--output", type=pathlib.Path, default=ROOT / "build/trained",
                         help="folder for what is made (default: %(default)s)")
    options.add_argument("--ranks", type=int, default=2, help="to compile and run on (default: 2)")
    options.add_argument("--threads", type=int, default=2, help="of training (default: 2)")
    options = options.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    path = {name: options.output / name
            for name in ("model.pt", "model.h5", "program.h5", "result.h5")}

    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)
    training_images, training_labels, images, labels = load_data()
    model = Transformer()
    train(model, training_images, training_labels, options.epochs)
    torch.save(model.state_dict(), path["model.pt"])

    model.eval()
    stc.export(model, images[:1], path["model.h5"], time_steps=STEPS, test_inputs=images[:16])
    check = stc.call("verify", "--self-check", path["model.h5"], ranks=options.ranks)
    print(f"self-check {check.splitlines()[-1]}")
    program = stc.compile(path["model.h5"], path["program.h5"], chips=CHIPS, ranks=options.ranks)
    size = program.report["graph"]
    print(f"compiled   {size['neurons']:,} neurons, {size['weights']:,} weights, "
          f"{program.report['tiles']} tiles on {program.report['chips']} chips")

    result = stc.run(program, images, labels=labels, ranks=options.ranks, output=path["result.h5"])
    expected, actual = evaluate(model, images), torch.tensor(next(iter(result.outputs.values())))
    print(f"PyTorch    {accuracy(expected, labels)}\n"
          f"stc        {accuracy(actual, labels)}, {int(result.metrics['spikes']):,} spikes, "
          f"{result.metrics['samples_per_second']:.0f} images/s on {options.ranks} ranks\n"
          f"outputs    differ by {(expected - actual).abs().median():.1g} (median), "
          f"{(expected - actual).abs().max():.1g} (largest)")


if __name__ == "__main__":
    main()
