"""Weight-normalized convolutions, initialized from data like :class:`~gan_ext.nets.WeightNormLinear`.

Shapes: B is the batch, I the input channels and O the output channels of a layer, k the side of its kernel.
"""

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d

from gan_ext.checks import checked
from gan_ext.nets.layers.linear import WeightNorm

__all__ = ["WeightNormConv2d", "WeightNormConvTranspose2d"]


@checked
class WeightNormConv2d(WeightNorm):
    r"""A convolution whose output channels have a length of their own.

    .. math:: y_o = g_o \frac{V_o * x}{\lVert V_o \rVert_2} + b_o

    with the norm over all I k k numbers of :math:`V_o`.  The weights are scaled, not the outputs: there are fewer.

    References: Weight Normalization (Salimans and Kingma, 2016), https://arxiv.org/abs/1602.07868

    Args:
        in_channels: I.
        out_channels: O.
        kernel_size: k.
        stride: step of the kernel, in pixels.
        padding: zeros around the image, in pixels.
        train_gain: whether g is learned; if not, it stays as initialized.
        std: standard deviation of the initial directions V [O, I, k, k].
        output_std: standard deviation that :func:`~gan_ext.nets.data_dependent_init` gives to every channel.
    """

    channel = 1

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        train_gain: bool = False,
        std: float = 0.05,
        output_std: float = 1.0,
    ) -> None:
        direction = torch.randn(out_channels, in_channels, kernel_size, kernel_size) * std
        super().__init__(direction, out_channels, train_gain, output_std)
        self.stride, self.padding = stride, padding

    def forward(self, x: Tensor) -> Tensor:
        scale = self.gain / torch.linalg.vector_norm(self.direction, dim=(1, 2, 3))
        weight = self.direction * scale[:, None, None, None]
        return conv2d(x, weight, self.bias, self.stride, self.padding)

    def extra_repr(self) -> str:
        outputs, inputs, side, _ = self.direction.shape
        return f"{inputs}, {outputs}, kernel_size={side}, stride={self.stride}, padding={self.padding}"


@checked
class WeightNormConvTranspose2d(WeightNorm):
    r"""A transposed convolution whose output channels have a length of their own.

    .. math:: y_o = g_o \frac{V_o *^\top x}{\lVert V_o \rVert_2} + b_o

    with the norm over all I k k numbers of :math:`V_o`.

    References: Weight Normalization (Salimans and Kingma, 2016), https://arxiv.org/abs/1602.07868

    Args:
        in_channels: I.
        out_channels: O.
        kernel_size: k.
        stride: step between the kernel's copies, in pixels.
        padding: pixels cut from each side of the output.
        output_padding: pixels added at the bottom and the right, one number or (height, width).
        train_gain: whether g is learned; if not, it stays as initialized.
        std: standard deviation of the initial directions V [I, O, k, k].
        output_std: standard deviation that :func:`~gan_ext.nets.data_dependent_init` gives to every channel.
    """

    channel = 1

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        output_padding: int | tuple[int, int] = 0,
        train_gain: bool = False,
        std: float = 0.05,
        output_std: float = 1.0,
    ) -> None:
        direction = torch.randn(in_channels, out_channels, kernel_size, kernel_size) * std
        super().__init__(direction, out_channels, train_gain, output_std)
        self.stride, self.padding, self.output_padding = stride, padding, output_padding

    def forward(self, x: Tensor) -> Tensor:
        scale = self.gain / torch.linalg.vector_norm(self.direction, dim=(0, 2, 3))
        weight = self.direction * scale[:, None, None]
        return conv_transpose2d(x, weight, self.bias, self.stride, self.padding, self.output_padding)

    def extra_repr(self) -> str:
        inputs, outputs, side, _ = self.direction.shape
        cut = f"padding={self.padding}, output_padding={self.output_padding}"
        return f"{inputs}, {outputs}, kernel_size={side}, stride={self.stride}, {cut}"
