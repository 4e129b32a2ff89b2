"""What a fitted GAN with codes can do: read codes from data, and make data from codes."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_array, check_is_fitted
from torch import Tensor

from gan_ext.estimators.base.checks import check_count
from gan_ext.estimators.base.estimator import GANEstimator
from gan_ext.estimators.codes.values import (
    check_vectors,
    default_values,
    find_unit,
    output_names,
    place_codes,
    units,
)
from gan_ext.games import InfoGANGame
from gan_ext.latents import Product, Uniform

__all__ = ["CodedGAN"]

Array = NDArray[Any]


class CodedGAN(GANEstimator):
    """Reading and setting the codes of a fitted game; a subclass's `fit` sets the attributes below."""

    codes_: Product
    game_: InfoGANGame

    def predict(self, X: Any) -> Array:
        """Return the most probable category of every sample (n,), from 0 to the number of categories less 1."""
        clusters: Array = self.predict_proba(X).argmax(1)
        return clusters

    def predict_proba(self, X: Any) -> Array:
        """Return what Q believes of the categorical code, (n, n_clusters)."""
        check_is_fitted(self)
        if self.game_.category is None:
            raise ValueError(f"There is no categorical code to predict, only {', '.join(self.codes_.names)}.")
        probabilities: Array = self._means(X)[:, self.codes_.columns()[self.game_.category]]
        return probabilities

    def transform(self, X: Any) -> Array:
        """Return the posterior means of all codes (n, n_codes): shares of categories, coordinates in their range."""
        means = self._means(X)
        for unit in units(self.codes_):
            if isinstance(unit.code, Uniform):
                means[:, unit.columns] = means[:, unit.columns].clip(unit.code.low, unit.code.high)
        return means

    def inverse_transform(self, X: Any, random_state: int | np.random.RandomState | None = None) -> Array:
        """Generate one sample from each row of codes, as `transform` returns them, with noise drawn anew.

        Parameters
        ----------
        X : array-like of shape (n, n_codes)
            Codes; a category as shares, such as a row of zeros with a single one.
        random_state : int, RandomState instance or None
            Decides the noise.

        Returns
        -------
        ndarray of shape (n, ...)
        """
        check_is_fitted(self)
        vectors = check_array(X, dtype=np.float64)
        check_vectors(self.codes_, vectors)
        return self._from_codes(torch.from_numpy(vectors).float(), random_state)

    def sample(
        self,
        n_samples: int = 1,
        codes: Mapping[str, Any] | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> Array:
        """Generate samples with the codes you set; those you do not set are drawn from their priors.

        Parameters
        ----------
        n_samples : int
            How many, at least 1.
        codes : mapping or None
            Values by name: ``{"category": 3, "style[0]": 0.5, "style": [0.5, -1]}``, one for all samples or
            one for each.
        random_state : int, RandomState instance or None
            Decides what is drawn.

        Returns
        -------
        ndarray of shape (n_samples, ...)
        """
        check_is_fitted(self)
        check_count("n_samples", n_samples)
        wanted = dict(codes or {})
        self._check_codes(n_samples, wanted)

        def draw() -> Tensor:
            latents, vectors = self.game_.draw(n_samples)
            return torch.cat([latents[:, : self.game_.noise.dim], place_codes(self.codes_, vectors, wanted)], dim=1)

        return self._generate(self.game_.generator, draw, random_state)

    def traverse(
        self,
        code: str,
        values: Sequence[float] | Array | None = None,
        n_samples: int = 1,
        codes: Mapping[str, Any] | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> Array:
        """Generate samples in which one code moves and all else stays.

        Parameters
        ----------
        code : str
            What moves: a code, or a coordinate such as ``"style[0]"``.
        values : sequence of float or None
            Where to; None takes every category, both positions of a switch, or nine values across the range.
        n_samples : int
            Rows, each with its own noise and other codes.
        codes : mapping or None
            Other codes to hold, as in `sample`.
        random_state : int, RandomState instance or None
            Decides what is drawn.

        Returns
        -------
        ndarray of shape (n_samples, n_values, ...)
        """
        check_is_fitted(self)
        unit = find_unit(self.codes_, code)
        steps = default_values(unit) if values is None else list(values)
        if not steps or n_samples < 1:
            raise ValueError(f"traverse needs a value and n_samples >= 1, got values={steps}, n_samples={n_samples}.")
        moved = {code: np.tile(np.asarray(steps), n_samples)}
        held = dict(codes or {})
        self._check_codes(n_samples, held)
        self._check_codes(n_samples * len(steps), moved)

        def draw() -> Tensor:
            latents, vectors = self.game_.draw(n_samples)
            start = torch.cat([latents[:, : self.game_.noise.dim], place_codes(self.codes_, vectors, held)], dim=1)
            rows = start.repeat_interleave(len(steps), dim=0)
            vectors = place_codes(self.codes_, rows[:, self.game_.noise.dim :], moved)
            return torch.cat([rows[:, : self.game_.noise.dim], vectors], dim=1)

        generated = self._generate(self.game_.generator, draw, random_state)
        return generated.reshape(n_samples, len(steps), *self.sample_shape_)

    def get_feature_names_out(self, input_features: Any = None) -> Array:
        """Return a name for every column of `transform`."""
        check_is_fitted(self)
        return np.asarray(output_names(self.codes_), dtype=object)

    def _check_codes(self, n: int, wanted: Mapping[str, Any]) -> None:
        """Say what is wrong with wanted codes of n samples before any work, and without drawing a number."""
        place_codes(self.codes_, torch.zeros(n, self.codes_.dim), wanted)

    def _means(self, X: Any) -> Array:
        codes = copy.deepcopy(self.codes_)
        return self._judge(self.game_.discriminator, X, lambda reading: codes.posterior_mean(reading.statistics))

    def _from_codes(self, vectors: Tensor, random_state: Any) -> Array:
        def draw() -> Tensor:
            return torch.cat([self.game_.noise.sample(len(vectors)), vectors], dim=1)

        return self._generate(self.game_.generator, draw, random_state)
