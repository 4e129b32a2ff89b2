"""Fitted class-conditional GANs: samples of the class that is asked for, and the class as a code to report on."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from gan_ext.estimators.base.checks import check_count, count_first, drawing
from gan_ext.estimators.base.estimator import ROWS, GANEstimator, RandomState
from gan_ext.estimators.base.labels import class_numbers
from gan_ext.estimators.codes.source import CodeSource, CodeUnit, RealSamples
from gan_ext.games import ClassGame

__all__ = ["FittedConditionalGAN"]

Array = NDArray[Any]


class FittedConditionalGAN(GANEstimator):
    """The methods of :class:`gan_ext.ConditionalGAN` that need a fit; its `fit` sets the attributes below."""

    game_: ClassGame
    classes_: Array
    class_prior_: Array
    _varies: Array
    _first: Array

    def draw_labels(self, n_samples: int = 1, random_state: RandomState = None) -> Array:
        """Draw classes (n_samples,) in their shares among the training samples."""
        check_is_fitted(self)
        check_count("n_samples", n_samples)
        drawn: Array = drawing(random_state).choice(self.classes_, n_samples, p=self.class_prior_)
        return drawn

    @count_first
    def sample(self, n_samples: int | None = 1, *, y: Any = None, random_state: RandomState = None) -> Array:
        """Generate samples of wanted classes, in the space of the data `fit` was given.

        Parameters
        ----------
        n_samples : int, default=1
            How many, at least 1; 1 or None means as many as an array `y` has.
        y : one class, array-like of shape (n_samples,) or None
            Classes asked for: one for all samples or one for each; None for classes as :meth:`draw_labels` with the
            same `random_state` draws them.
        random_state : int, RandomState instance or None
            Decides the samples.

        Returns
        -------
        ndarray of shape (n_samples, ...)

        Raises
        ------
        TypeError
            More than one argument by position.
        ValueError
            A number below 1, classes that `fit` did not see, or not as many as samples.
        """
        check_is_fitted(self)
        if y is None:
            y = self.draw_labels(1 if n_samples is None else n_samples, random_state)
        codes = torch.from_numpy(class_numbers(y, n_samples, self.classes_)).split(ROWS)
        generator, prior = self.game_.generator, self.game_.prior

        def make() -> Tensor:
            return torch.cat([generator(prior.sample(len(part)), part) for part in codes])

        return self._restore(self._seeded(make, random_state))

    def code_source(self, levels: int = 16) -> CodeSource:
        """Return where samples of known classes come from, for :func:`gan_ext.report_codes`: the class is the code.

        Parameters
        ----------
        levels : int, default=16
            Of coordinates; a class has none.
        """
        check_is_fitted(self)
        game, prior = self.game_, torch.as_tensor(self.class_prior_, dtype=torch.float32)
        generator: nn.Module = game.generator
        return CodeSource(
            (CodeUnit("class", tuple(self.class_prior_.tolist())),),
            lambda n: torch.multinomial(prior, n, replacement=True).float()[:, None],
            game.prior.sample,
            lambda noise, codes: generator(noise, codes[:, 0].long()),
            self._restore,
            category=0,
            remedy="train longer (`max_iter`), or try another `condition`",
            real=RealSamples(
                self._read_data,
                lambda X: torch.tensor(self.scaler_.forward(X)[:, self._columns()], dtype=torch.float32),
                classes=tuple(self.classes_.tolist()),
                device=self.device,
            ),
        )

    def _columns(self) -> Any:
        """Return which columns are trained: of a table those that vary, for one not hit exactly gives a sample away."""
        return self._varies if len(self.sample_shape_) == 1 else slice(None)

    def _restore(self, made: Tensor) -> Array:
        """Return samples in the data's units, with the features that do not vary."""
        scaled = np.repeat(self.scaler_.forward(self._first[None].astype(np.float64)), len(made), axis=0)
        scaled[:, self._columns()] = made.double().numpy()
        return np.where(self._varies, self.scaler_.inverse(scaled), self._first)
