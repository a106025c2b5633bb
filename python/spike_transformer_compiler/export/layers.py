"""Layers with weights, batch norm, pools, dropout."""
from __future__ import annotations

import dataclasses

from .values import Context, Refused, pair


class Layers(Context):
    """Their functions."""

    def fn_conv2d(self, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
        return self._convolve(2, x, weight, bias, stride, padding, dilation, groups)

    def fn_conv1d(self, x, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
        return self._convolve(1, x, weight, bias, stride, padding, dilation, groups)

    def _convolve(self, n, x, weight, bias, stride, padding, dilation, groups):
        self._samples_first(x, n + 2, f"conv{n}d")
        values = self._weight(weight, "weight")
        stride, dilation = pair(stride, n), pair(dilation, n)
        kernel = values.shape[2:]
        parameters = {"stride": stride, "dilation": dilation}
        if isinstance(padding, str):
            parameters["auto_pad"] = padding
            same = padding == "same"
            pads = [d * (k - 1) if same else 0 for d, k in zip(dilation, kernel)]
        else:
            parameters["padding"] = pair(padding, n)
            pads = [2 * p for p in parameters["padding"]]
        size = self._shape(x)[1:]
        out = [(e + p - d * (k - 1) - 1) // s + 1
               for e, p, d, k, s in zip(size, pads, dilation, kernel, stride)]
        parameters = {name: value for name, value in parameters.items()
                      if isinstance(value, str) or value != [name != "padding"] * n}
        if groups != 1:
            parameters["groups"] = int(groups)
        return self._layer(f"Conv{n}d", x, values, bias, [values.shape[0], *out], parameters)

    def _layer(self, kind, x, weight, bias, shape, parameters):
        parameters["weight"] = weight
        if bias is not None:
            parameters["bias"] = self._weight(bias, "bias")
        name = self._name() if self._is_layer() else self._name(kind.lower())
        node = self.graph.add(name, kind, [x.node], shape, **parameters)
        return dataclasses.replace(x, node=node)

    def _is_layer(self) -> bool:
        """Whether the module is one of torch.nn's layers, so that its path names the node."""
        return bool(self.now.meta.get("layer"))

    def fn_linear(self, x, weight, bias=None):
        self._data_axis(x, -1, "linear")
        values = self._weight(weight, "weight")
        return self._layer("Linear", x, values, bias,
                           [*self._shape(x)[:-1], values.shape[0]], {})

    def fn_batch_norm(self, x, running_mean, running_var, weight=None, bias=None, training=False,
                      momentum=0.1, eps=1e-5):
        if training or running_mean is None:
            raise Refused("batch norm that uses the statistics of the batch (training mode, or "
                          "track_running_stats=False). Call model.eval(); export the model after "
                          "it has been trained with running statistics.")
        axis = self._data_axis(x, 1, "batch norm")
        parameters = {"running_mean": self._weight(running_mean, "running mean"),
                      "running_var": self._weight(running_var, "running variance"),
                      "eps": float(eps)}
        if weight is not None:
            parameters["weight"] = self._weight(weight, "weight")
        if bias is not None:
            parameters["bias"] = self._weight(bias, "bias")
        name = self._name() if self._is_layer() else self._name("batch_norm")
        return dataclasses.replace(
            x, node=self.graph.affine(x.node, axis, "BatchNorm", name, **parameters))

    def fn_max_pool2d(self, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False,
                      return_indices=False):
        if pair(dilation) != [1, 1] or return_indices:
            raise Refused("max_pool2d with a dilation or return_indices.")
        return self._pool(2, "MaxPool2d", x, kernel_size, stride, padding, ceil_mode)

    def fn_max_pool1d(self, x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False,
                      return_indices=False):
        if pair(dilation, 1) != [1] or return_indices:
            raise Refused("max_pool1d with a dilation or return_indices.")
        return self._pool(1, "MaxPool2d", x, kernel_size, stride, padding, ceil_mode)

    def fn_avg_pool2d(self, x, kernel_size, stride=None, padding=0, ceil_mode=False,
                      count_include_pad=True, divisor_override=None):
        if (not count_include_pad and any(pair(padding))) or divisor_override is not None:
            raise Refused("avg_pool2d with count_include_pad=False or divisor_override.")
        return self._pool(2, "AvgPool2d", x, kernel_size, stride, padding, ceil_mode)

    def fn_avg_pool1d(self, x, kernel_size, stride=None, padding=0, ceil_mode=False,
                      count_include_pad=True):
        if not count_include_pad and any(pair(padding, 1)):
            raise Refused("avg_pool1d with count_include_pad=False.")
        return self._pool(1, "AvgPool2d", x, kernel_size, stride, padding, ceil_mode)

    def _pool(self, n, kind, x, kernel, stride, padding, ceil_mode):
        self._samples_first(x, n + 2, kind)
        kernel = pair(kernel, n)
        stride = kernel if stride is None or stride == [] else pair(stride, n)
        padding, size = pair(padding, n), self._shape(x)[1:]
        cover = [e + 2 * p - k for e, p, k in zip(size, padding, kernel)]
        if ceil_mode and any(c % s for c, s in zip(cover, stride)):
            raise Refused(f"{kind} with ceil_mode=True, whose last window is cut.")
        out = [c // s + 1 for c, s in zip(cover, stride)]
        channels, source = self._shape(x)[0], x.node
        name = self._name() if self._is_layer() else self._name(kind.lower())
        if n == 1:
            source = self.graph.reshape(source, [channels, 1, *size], name + ".reshape")
            kernel, stride, padding = [1, *kernel], [1, *stride], [0, *padding]
        node = self.graph.add(name, kind, [source], [channels] + [1] * (2 - n) + out,
                              kernel_size=kernel, stride=stride, padding=padding)
        if n == 1:
            node = self.graph.reshape(node, [channels, *out], name + ".reshape")
        return dataclasses.replace(x, node=node)

    def fn_adaptive_avg_pool2d(self, x, output_size):
        self._samples_first(x, 4, "adaptive_avg_pool2d")
        if pair(1 if output_size is None else output_size) != [1, 1]:
            raise Refused("adaptive_avg_pool2d to another size than 1. Use avg_pool2d.")
        return self.fn_mean(x, (2, 3), keepdim=True)

    def fn_adaptive_avg_pool1d(self, x, output_size):
        self._samples_first(x, 3, "adaptive_avg_pool1d")
        if pair(output_size, 1) != [1]:
            raise Refused("adaptive_avg_pool1d to another size than 1.")
        return self.fn_mean(x, (2,), keepdim=True)
