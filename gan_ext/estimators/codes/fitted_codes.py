"""Fitted GANs with latent codes: read codes from data (cluster, encode), make data from codes (sample, traverse)."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_array, check_is_fitted
from torch import Tensor

from gan_ext.estimators.base.checks import check_count, check_room, count_first, naming
from gan_ext.estimators.base.estimator import GANEstimator, RandomState
from gan_ext.estimators.base.labels import class_numbers
from gan_ext.estimators.codes.source import CodeSource, RealSamples, product_source
from gan_ext.estimators.codes.values import check_vectors, find_unit, named_codes, output_names, place_codes
from gan_ext.games import InfoGANGame
from gan_ext.latents import Product

__all__ = ["CodedGAN"]

Array = NDArray[Any]


def _are_values(values: Any) -> bool:
    """Return whether values are a list of finite numbers, not empty."""
    try:
        numbers = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        return False
    return not isinstance(values, str) and numbers.ndim == 1 and len(numbers) > 0 and bool(np.isfinite(numbers).all())


class CodedGAN(GANEstimator):
    """Reading and setting the codes of a fitted game; a subclass's `fit` sets the attributes below."""

    codes_: Product
    game_: InfoGANGame
    classes_: Array
    unlabeled: Any

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
        means: Array = self.codes_.nearest_mean(torch.from_numpy(self._means(X))).numpy()
        return means

    def inverse_transform(self, X: Any, random_state: RandomState = None) -> Array:
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
        with naming("X"):
            vectors = check_array(X, dtype=np.float64)
        check_vectors(self.codes_, vectors)
        return self._from_codes(torch.from_numpy(vectors).float(), random_state)

    @count_first
    def sample(
        self,
        n_samples: int | None = 1,
        *,
        y: Any = None,
        codes: Mapping[str, Any] | None = None,
        random_state: RandomState = None,
    ) -> Array:
        """Generate samples with the codes you set; those you do not set are drawn from their priors.

        Parameters
        ----------
        n_samples : int, default=1
            How many, at least 1; 1 or None means as many as an array `y` has.
        y : one class, array-like of shape (n_samples,) or None
            Classes asked for, after a fit with labels: one for all samples or one for each.  It sets the category,
            number k for ``classes_[k]``.
        codes : mapping or None
            Values by name: ``{"category": 3, "style[0]": 0.5, "style": [0.5, -1]}``, one for all samples or
            one for each.
        random_state : int, RandomState instance or None
            Decides what is drawn.

        Returns
        -------
        ndarray of shape (n_samples, ...)

        Raises
        ------
        ValueError
            Values or classes that do not exist, or are not as many as samples; `y` without classes, or together with
            the category in `codes`.
        """
        check_is_fitted(self)
        n, wanted = self._wanted(n_samples, y, named_codes(codes))
        self._check_codes(n, wanted)

        def draw() -> Tensor:
            latents, vectors = self.game_.draw(n)
            return torch.cat([latents[:, : self.game_.noise.dim], place_codes(self.codes_, vectors, wanted)], dim=1)

        return self._generate(self.game_.generator, draw, random_state)

    def traverse(
        self,
        code: str,
        values: Sequence[float] | Array | None = None,
        *,
        n_samples: int = 1,
        codes: Mapping[str, Any] | None = None,
        random_state: RandomState = None,
    ) -> Array:
        """Generate samples in which one code moves and all else stays.

        Parameters
        ----------
        code : str
            What moves: a code, or a coordinate such as ``"style[0]"``.
        values : sequence of float or None
            Where to; None takes every category, both positions of a switch, or nine values across the range.
        n_samples : int, default=1
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
        check_count("n_samples", n_samples)
        unit = find_unit(self.codes_, code)
        if values is not None and not _are_values(values):
            raise ValueError(f"values={values!r} must be a list of one finite number or more, such as [0.5].")
        steps = unit.code.values() if values is None else list(values)
        check_room("n_samples", n_samples, len(steps) * self._sample_size)
        moved = {code: np.tile(np.asarray(steps), n_samples)}
        held = named_codes(codes)
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

    def code_source(self, levels: int = 16) -> CodeSource:
        """Return where samples with known codes come from, for :func:`gan_ext.report_codes`.

        Parameters
        ----------
        levels : int, default=16
            Equally likely levels that a coordinate is cut into.
        """
        check_is_fitted(self)
        game, scaler = self.game_, self.scaler_
        source = product_source(
            game.generator,
            self.codes_,
            game.noise,
            levels=levels,
            own=lambda x: game.discriminator(x).statistics,
            restore=lambda x: scaler.inverse(x.double().numpy()),
        )
        real = RealSamples(
            self._read_data,
            lambda X: torch.tensor(scaler.forward(X), dtype=torch.float32),
            None if game.category is None else self._clusters,
            tuple(self.classes_.tolist()) if hasattr(self, "classes_") else (),
            self.unlabeled,
            self.device,
        )
        return replace(source, real=real)

    def _wanted(self, n_samples: int | None, y: Any, codes: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return how many samples are wanted, and with which codes, the category among them if `y` asks for classes."""
        if y is None:
            n = 1 if n_samples is None else n_samples
            check_count("n_samples", n)
            return n, codes
        category = self.game_.category
        if not hasattr(self, "classes_") or category is None:
            raise ValueError(f"y={y!r} asks for classes, but fit was given none; set codes instead.")
        if category in codes:
            raise ValueError(f"y and codes both set {category!r}; pass one of them.")
        numbers = class_numbers(y, n_samples, self.classes_)
        return len(numbers), {**codes, category: numbers}

    def _check_codes(self, n: int, wanted: Mapping[str, Any]) -> None:
        """Say what is wrong with wanted codes of n samples before any work, and without drawing a number."""
        place_codes(self.codes_, torch.zeros(n, self.codes_.dim), wanted)

    def _means(self, X: Any) -> Array:
        return self._means_checked(self._read_data(X))

    def _means_checked(self, X: Array) -> Array:
        codes = copy.deepcopy(self.codes_)
        network = self.game_.discriminator
        return self._judge_checked(network, X, lambda reading: codes.posterior_mean(reading.statistics))

    def _clusters(self, X: Array) -> Array:
        """Return the categories of data that is checked already."""
        assert self.game_.category is not None
        clusters: Array = self._means_checked(X)[:, self.codes_.columns()[self.game_.category]].argmax(1)
        return clusters

    def _from_codes(self, vectors: Tensor, random_state: RandomState) -> Array:
        def draw() -> Tensor:
            return torch.cat([self.game_.noise.sample(len(vectors)), vectors], dim=1)

        return self._generate(self.game_.generator, draw, random_state)
