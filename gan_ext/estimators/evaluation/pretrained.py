"""Features by a net that somebody else has trained."""

import importlib
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from torch import Tensor, nn
from typing_extensions import Self

from gan_ext.engine import resolve_device
from gan_ext.estimators.base.checks import naming
from gan_ext.estimators.base.parameters import Constraint, callable_or_none, check_parameters, integer

__all__ = ["PretrainedFeatures"]

Array = NDArray[Any]


class PretrainedFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    r"""Features of samples by any module or function that you have: Inception, DINO, a classifier of your own.

    .. math:: f(x) = \mathrm{module}(\mathrm{prepare}(x))

    Nothing is trained or downloaded here, and `fit` does nothing.  Values of metrics on other features than the
    published ones compare only with each other; so do those of another resizing (Parmar et al., 2022).

    References: GANs Trained by a Two Time-Scale Update Rule (Heusel et al., 2017), https://arxiv.org/abs/1706.08500;
    On Aliased Resizing and Surprising Subtleties in GAN Evaluation (Parmar et al., 2022),
    https://arxiv.org/abs/2104.11222; Exposing flaws of generative model evaluation metrics (Stein et al., 2023), for
    DINO's features, https://arxiv.org/abs/2306.04675

    Parameters
    ----------
    module : callable
        Maps a tensor [B, ...] of float32 to features [B, F]; further axes are flattened.
    prepare : callable or None, default=None
        Maps samples [B, ...] of float32, in the data's units, to what the module takes: resizing, colors, scale.
    batch_size : int, default=256
        Samples read at a time.
    device : str, default="auto"
        ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:N"``; a module is moved there while it reads.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "module": [Constraint("a module or a function", lambda value: callable(value) and not isinstance(value, type))],
        "prepare": callable_or_none(),
        "batch_size": [integer(1)],
        "device": [str, torch.device],
    }

    def __init__(
        self,
        module: Callable[[Tensor], Tensor],
        prepare: Callable[[Tensor], Tensor] | None = None,
        batch_size: int = 256,
        device: str = "auto",
    ) -> None:
        self.module = module
        self.prepare = prepare
        self.batch_size = batch_size
        self.device = device

    @classmethod
    def from_timm(cls, name: str = "vit_small_patch14_dinov2.lvd142m", batch_size: int = 64, **settings: Any) -> Self:
        """Return the features of a net of the library timm, on images in [0, 1], with the net's own preprocessing.

        timm's weights are downloaded at the first use.  Gray images become three equal channels.

        Parameters
        ----------
        name : str
            What ``timm.list_models(pretrained=True)`` lists.
        batch_size : int
            Images read at a time.
        **settings
            For ``timm.create_model``, such as ``pretrained=False``.

        Raises
        ------
        ImportError
            timm is not installed.
        """
        try:
            timm = importlib.import_module("timm")
        except ImportError as error:
            raise ImportError(
                "PretrainedFeatures.from_timm needs timm, the extra `pretrained`. timm brings torchvision, which wants "
                "one exact torch: install a torchvision that fits yours first, or pip replaces torch. Without it, "
                "pass any net you have as PretrainedFeatures(net, prepare)."
            ) from error
        net = timm.create_model(name, **{"pretrained": True, "num_classes": 0, **settings})
        config = timm.data.resolve_model_data_config(net)
        return cls(net, _Preprocessing(config["input_size"][1:], config["mean"], config["std"]), batch_size)

    def fit(self, X: Any = None, y: Any = None) -> Self:
        """Return the extractor as it is, once its parameters make sense."""
        check_parameters(self)
        return self

    @torch.no_grad()
    def transform(self, X: Any) -> Array:
        """Return the features of samples (n, F).

        Raises
        ------
        ValueError
            A parameter that makes no sense, or the module returns something else than one row for each sample.
        """
        check_parameters(self)
        device = resolve_device(self.device)
        with naming("X"):
            samples = torch.as_tensor(X if isinstance(X, Tensor) else np.asarray(X, np.float32)).float()
        if samples.dim() < 2 or not len(samples):
            raise ValueError(f"X has shape {tuple(samples.shape)}; pass samples (n, ...), one or more.")
        if isinstance(self.module, nn.Module):
            self.module.to(device).eval()
        prepare = self.prepare or (lambda x: x)
        parts = [
            self._rows(self.module(prepare(part.to(device))), len(part)) for part in samples.split(self.batch_size)
        ]
        features: Array = torch.cat(parts).cpu().numpy()
        return features

    def _rows(self, made: Any, n: int) -> Tensor:
        if not isinstance(made, Tensor) or made.dim() < 2 or len(made) != n:
            shape = tuple(made.shape) if isinstance(made, Tensor) else type(made).__name__
            raise ValueError(f"module must return features [B, F], a row for each of {n} samples; it returned {shape}.")
        return made.flatten(1).float()

    def __sklearn_is_fitted__(self) -> bool:
        return True


class _Preprocessing:
    """Resize images [B, c, h, w] in [0, 1] with antialiasing, make them three channels, and standardize these."""

    def __init__(self, size: tuple[int, int], mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        self.size, self.mean, self.std = tuple(size), mean, std

    def __call__(self, x: Tensor) -> Tensor:
        x = x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x
        resized = nn.functional.interpolate(x, self.size, mode="bicubic", antialias=True).clamp(0, 1)
        mean, std = (torch.tensor(each, device=x.device)[:, None, None] for each in (self.mean, self.std))
        return (resized - mean) / std
