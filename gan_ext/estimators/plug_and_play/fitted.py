"""What a fitted plug and play generator can do: classify, encode, and run chains under conditions."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from gan_ext.engine import Compute
from gan_ext.estimators.base.checks import count_first, drawing, naming
from gan_ext.estimators.base.estimator import GANEstimator, RandomState, new_seed
from gan_ext.estimators.base.labels import class_numbers
from gan_ext.estimators.base.parameters import check_values, integer, positive, sequence_of
from gan_ext.estimators.plug_and_play.training import Trained
from gan_ext.games import FeatureInversion
from gan_ext.nets import CodeClassifier
from gan_ext.plug_and_play import (
    ChainPrior,
    ChainState,
    ClassCondition,
    Condition,
    DenoisingPrior,
    FlatPrior,
    JointPrior,
    KnownPixels,
    Langevin,
    OfficialSampler,
    Pasted,
    PlugAndPlay,
    Sampler,
)

__all__ = ["FittedPlugAndPlay", "Variant", "variant_sampler"]

Array = NDArray[Any]
_RUN: dict[str, Any] = {
    "steps": [integer(1, 1_000_000)],
    "sampler": [Sampler, None],
    "callbacks": [sequence_of("functions of a ChainState", callable)],
    "sigma": [positive()],
}
Variant = Literal["noiseless_joint", "joint", "denoising", "flat"]


class FittedPlugAndPlay(ClassifierMixin, TransformerMixin, GANEstimator):  # type: ignore[misc]
    """The methods of :class:`gan_ext.PlugAndPlayGAN` that need a fit."""

    variant: Variant
    latent_dim: int
    noise: Sequence[float]
    denoiser_noise: float
    precision: Literal["float32", "bfloat16"]
    classes_: Array
    class_prior_: Array
    classifier_: CodeClassifier
    game_: FeatureInversion
    denoiser_: nn.Module | None
    _trained: Trained

    def predict_proba(self, X: Any) -> Array:
        """Return the classifier's probabilities (n, n_classes)."""
        check_is_fitted(self)
        return self._judge(self.classifier_, X, lambda logits: logits.softmax(1))

    def predict(self, X: Any) -> Array:
        """Return the classes (n,) that the classifier finds most probable."""
        predicted: Array = self.classes_[self.predict_proba(X).argmax(1)]
        return predicted

    def transform(self, X: Any) -> Array:
        """Return the codes (n, latent_dim) of samples."""
        check_is_fitted(self)
        return self._judge(self._encoder(), X, lambda codes: codes)

    def inverse_transform(self, codes: Any) -> Array:
        """Return the samples (n, ...) that the generator makes of codes (n, latent_dim)."""
        check_is_fitted(self)
        with naming("codes"):
            wanted = torch.tensor(np.asarray(codes, np.float32))
        if wanted.ndim != 2 or wanted.shape[1] != self.latent_dim or not bool(wanted.isfinite().all()):
            raise ValueError(f"codes has shape {tuple(wanted.shape)}; pass finite numbers (n, {self.latent_dim}).")
        return self._generate(self.game_.generator, lambda: wanted, 0)

    def prior(self) -> ChainPrior:
        """Return the prior of this variant, for chains of your own."""
        check_is_fitted(self)
        if self.variant == "flat":
            return FlatPrior(self.latent_dim)
        if self.variant == "denoising":
            assert self.denoiser_ is not None
            return DenoisingPrior(self.denoiser_, self.latent_dim, self.denoiser_noise)
        return JointPrior.of(self.game_, self.latent_dim, 1.0)

    def plug(self, condition: Condition | None, sampler: Sampler | None = None) -> PlugAndPlay:
        """Return chains on this generator and prior, with a condition on scaled data.

        Parameters
        ----------
        condition : gan_ext.plug_and_play.Condition or None
            What samples should be like; its networks see data as scaled inside (images in [0, 1] by default).
        sampler : gan_ext.plug_and_play.Sampler or None
            How chains move; :meth:`default_sampler` if None.
        """
        check_is_fitted(self)
        compute = Compute(self.device, self.precision)
        return PlugAndPlay(
            self.game_, condition, self.prior(), self.default_sampler() if sampler is None else sampler, compute=compute
        )

    def default_sampler(self) -> Sampler:
        """Return the sampler that the documentation's results were made with, for this variant."""
        return variant_sampler(self.variant, self.denoiser_noise)

    @count_first
    def sample(
        self,
        n_samples: int = 1,
        *,
        y: Any = None,
        condition: Condition | None = None,
        steps: int = 100,
        sampler: Sampler | None = None,
        callbacks: Sequence[Callable[[ChainState], None]] = (),
        random_state: RandomState = None,
    ) -> Array:
        """Run a chain for each sample that is wanted, all at once, and return where they end.

        Parameters
        ----------
        n_samples : int, default=1
            How many; with a class for each sample in `y`, their number, which 1 stands for too.
        y : array-like of shape (n,), one class, or None
            A class for each sample, or one for all.  None draws classes by their shares in training, or asks for no
            class if there is a `condition`.
        condition : gan_ext.plug_and_play.Condition or None
            What samples should be like besides.
        steps : int, default=100
            Steps of each chain, at most a million.
        sampler : gan_ext.plug_and_play.Sampler or None
            How chains move; :meth:`default_sampler` if None.
        callbacks : sequence of callables, default=()
            Called with a :class:`~gan_ext.plug_and_play.ChainState` after each step, such as
            :class:`~gan_ext.pictures.LivePicture`.
        random_state : int, RandomState instance or None
            Decides starts and noise.

        Returns
        -------
        ndarray of shape (n, ...), in the units of the data.
        """
        check_is_fitted(self)
        check_values(
            _RUN, {"steps": steps, "sampler": sampler, "callbacks": callbacks}, f"{type(self).__name__}.sample"
        )
        if condition is not None and not isinstance(condition, Condition):
            raise ValueError(f"condition={condition!r} must be a condition, such as KnownPixels(data, known), or None.")
        if y is None and condition is None:
            y = drawing(random_state).choice(self.classes_, n_samples, p=self.class_prior_)
        if y is not None:
            wanted = class_numbers(y, n_samples, self.classes_)
            n_samples, asked = len(wanted), ClassCondition(self.classifier_, torch.from_numpy(wanted))
            condition = asked if condition is None else asked + condition
        seed = new_seed(random_state)
        chains = self.plug(condition, sampler).sample(n_samples, steps=steps, callbacks=callbacks, random_state=seed)
        return self.scaler_.inverse(chains.data.double().numpy())

    def complete(
        self,
        X: Any,
        known: Any,
        *,
        y: Any = None,
        sigma: float = 0.1,
        steps: int = 100,
        sampler: Sampler | None = None,
        random_state: RandomState = None,
    ) -> Array:
        """Fill in what is missing of samples, so that they are of a class, if one is given.

        Parameters
        ----------
        X : array-like of shape (n, ...)
            Samples; entries that are not known may hold anything, NaN too.
        known : array-like of bool, of the shape of one sample or one that broadcasts to it
            Which entries are known, by True and False; the same for all samples.
        y : array-like of shape (n,), one class, or None
            The class of each.
        sigma : float, default=0.1
            How far a sample may be from what is known, in scaled units.
        steps, sampler, random_state
            As in :meth:`sample`; by default steps have one length, which falls to 0.

        Returns
        -------
        ndarray of shape (n, ...): the known entries as they were, the others as found.
        """
        check_is_fitted(self)
        given = {"steps": steps, "sampler": sampler, "sigma": sigma}
        check_values(_RUN, given, f"{type(self).__name__}.complete")
        flags = np.asarray(known)
        if flags.dtype.kind not in "biuf":
            raise ValueError(
                f"known={known!r} must be an array of True and False, which entries of a sample are known."
            )
        mask = torch.from_numpy(flags)
        X = self._read_data(self._without_hole(X, mask))
        data = torch.tensor(self.scaler_.forward(X), dtype=torch.float32)
        condition: Condition = KnownPixels(data, mask, sigma)
        if y is not None:
            wanted = class_numbers(y, len(X), self.classes_)
            if len(wanted) != len(X):
                raise ValueError(f"y has {len(wanted)} classes for {len(X)} samples; pass one class, or one for each.")
            condition = condition + Pasted(ClassCondition(self.classifier_, torch.from_numpy(wanted)), data, mask)
        if sampler is None:  # steps of one length: what is known pulls hard, and would throw other chains out
            sampler = OfficialSampler(0.1, noise=0.0, size=0.1, decay=True, low=None, high=None, gradient="exact")
        chains = self.plug(condition, sampler).sample(len(X), steps=steps, random_state=new_seed(random_state))
        found = self.scaler_.inverse(chains.data.double().numpy())
        return np.where(mask.bool().expand(X.shape[1:]).numpy(), X, found)

    def _encoder(self) -> nn.Module:
        return nn.Sequential(self.classifier_.lower, self.classifier_.upper)

    def _without_hole(self, X: Any, mask: Tensor) -> Any:
        """Return samples with 0 in place of NaN where nothing is known."""
        X = np.asarray(X)
        if X.shape[1:] != self.sample_shape_ or not np.issubdtype(X.dtype, np.floating):
            return X
        try:
            hole = ~mask.bool().expand(X.shape[1:]).numpy()
        except RuntimeError:
            return X
        return np.where(hole & np.isnan(X), 0.0, X)


def variant_sampler(variant: Variant, denoiser_noise: float = 1.0) -> Sampler:
    """Return the sampler that the documentation's results were made with, for a variant."""
    if variant == "flat":
        return OfficialSampler(prior=0.0, noise=0.0, size=0.1, low=None, high=None)
    if variant == "denoising":  # the pull R(h) - h as it is, not divided by the noise's variance
        return Langevin(0.2, prior=denoiser_noise**2, condition=10.0, temperature=0.05, cooling=0.3)
    if variant == "joint":
        return Langevin(0.2, condition=3.0, temperature=0.5, cooling=0.3)
    return Langevin(0.2, condition=3.0, temperature=0.05, cooling=0.3)
