r"""The game that trains a plug and play generator: invert a fixed encoder, and look real while doing so.

References: Generating Images with Perceptual Similarity Metrics based on Deep Networks (Dosovitskiy and Brox, 2016),
https://arxiv.org/abs/1602.02644; Plug & Play Generative Networks (Nguyen et al., 2017),
https://arxiv.org/abs/1612.00005
"""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from typing_extensions import Self

from gan_ext.checks import checked
from gan_ext.game import Loss, TwoPlayerGame, opponents_held
from gan_ext.games.standard import RealBatch
from gan_ext.losses import AdversarialLoss, NonSaturating, r1_penalty

__all__ = ["FeatureInversion"]


@checked
class FeatureInversion(TwoPlayerGame):
    r"""A generator that makes images from codes of an encoder which does not learn, against a discriminator.

    With the encoder's lower part :math:`h_1 = E_1(x)` and its code :math:`h = E_2(h_1)`,

    .. math::
        \tilde h &= E_2(E_1(x + \sigma_x n_x) + \sigma_1 n_1) + \sigma_h n_h, \qquad \hat x = G(\tilde h) \\
        L_G &= w_x \overline{(\hat x - x)^2}
               + w_1 \frac{\overline{(E_1(\hat x) - h_1)^2}}{\overline{h_1^2}}
               + w_h \frac{\overline{(E(\hat x) - h)^2}}{\overline{h^2}}
               + w_g \ell_G(d(\hat x)) \\
        L_D &= \ell_D(d(x), d(\hat x)) + \tfrac{\gamma}{2} E_x \lVert \nabla_x d(x) \rVert^2

    where a bar is the mean over a batch's numbers and n is standard normal noise.  The errors of features are relative,
    so that weights do not depend on the encoder's scale.  Without noise and with :math:`w_h = 0` this trains the
    generator of DGN-AM, PPGN-h and noiseless joint PPGN-h, which differ in the sampler alone; with noise on all three
    and :math:`w_h > 0` that of joint PPGN-h: three denoising autoencoders, of x, h1 and h, that share their weights.

    The logs have each error without its weight, and the mean logits.

    References: Plug & Play Generative Networks (Nguyen et al., 2017), https://arxiv.org/abs/1612.00005

    Args:
        generator: maps codes [B, d] to data [B, ...].
        discriminator: maps data to logits [B]; with `conditional`, data and codes to logits [B].
        lower: :math:`E_1`, from data to features [B, ...].
        upper: :math:`E_2`, from these to codes [B, d].  Both are copied, frozen, and stay in evaluation mode.
        image: :math:`w_x`, dimensionless; this and the weights below are 0-dim buffers ``image_weight``, ...
        feature: :math:`w_1`.
        code: :math:`w_h`.
        adversarial: :math:`w_g`.
        r1: :math:`\gamma`; 0 leaves the penalty out.
        noise: :math:`(\sigma_x, \sigma_1, \sigma_h)`, standard deviations in units of data; of the root mean square of
            the features, and of the codes, in the batch.
        loss: the pair of adversarial losses, of those that judge samples one by one.
        conditional: whether the discriminator sees the code too, as in the published networks.

    Raises:
        ValueError: a weight or noise below 0, or a loss that compares pairs.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        lower: nn.Module,
        upper: nn.Module,
        *,
        image: float = 1.0,
        feature: float = 0.1,
        code: float = 0.0,
        adversarial: float = 0.1,
        r1: float = 1.0,
        noise: Sequence[float] = (0.0, 0.0, 0.0),
        loss: AdversarialLoss | None = None,
        conditional: bool = False,
    ) -> None:
        super().__init__(generator, discriminator)
        self.loss = NonSaturating() if loss is None else loss
        weights = {"image": image, "feature": feature, "code": code, "adversarial": adversarial}
        _check(weights | {"r1": r1}, noise, self.loss)
        for name, weight in weights.items():
            self.register_buffer(f"{name}_weight", torch.tensor(float(weight)))
        self.lower, self.upper = (copy.deepcopy(part).requires_grad_(False) for part in (lower, upper))
        self.r1, self.noise, self.conditional = r1, tuple(noise), conditional
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        self.lower.eval()
        self.upper.eval()
        return self

    def encode(self, x: Tensor) -> Tensor:
        """Return the codes [B, d] of data [B, ...]."""
        codes: Tensor = self.upper(self.lower(x))
        return codes

    def reconstruct(self, codes: Tensor) -> Tensor:
        r"""Return :math:`R_h(h) = E(G(h))`, what codes [B, d] become on their way through an image."""
        return self.encode(self.generator(codes))

    def discriminator_loss(self, batch: RealBatch) -> Loss:
        with torch.no_grad():
            _, codes, noisy = self._codes(batch.x)
        with opponents_held():
            fake = self.generator(noisy).to(batch.x.dtype)
        real_logits, fake_logits = self._judge(torch.cat([batch.x, fake]), torch.cat([codes, codes])).chunk(2)
        loss = self.loss.discriminator(real_logits, fake_logits)
        terms = {"adversarial": loss, "real_logit": real_logits.mean(), "fake_logit": fake_logits.mean()}
        if self.r1:
            penalty = r1_penalty(lambda x: self._judge(x, codes), batch.x)
            terms["r1"] = penalty
            loss = loss + self.r1 / 2 * penalty
        return loss, {name: value.detach() for name, value in terms.items()}

    def generator_loss(self, batch: RealBatch) -> Loss:
        with torch.no_grad():
            features, codes, noisy = self._codes(batch.x)
        made = self.generator(noisy)
        made_features = self.lower(made)
        errors = {
            "image": (made.float() - batch.x.float()).square().mean(),
            "feature": _relative(made_features, features),
            "code": _relative(self.upper(made_features), codes),
            "adversarial": self.loss.generator(self._judge(made.to(batch.x.dtype), codes)),
        }
        loss = torch.stack([getattr(self, f"{name}_weight") * error for name, error in errors.items()]).sum()
        return loss, {name: error.detach() for name, error in errors.items()}

    def _codes(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return features and codes of data, and the codes that the generator is given."""
        features = self.lower(x)
        codes = self.upper(features)
        if not any(self.noise):
            return features, codes, codes
        noisy_features = self.lower(x + self.noise[0] * torch.randn_like(x)) if self.noise[0] else features
        noisy = self.upper(_disturbed(noisy_features, features, self.noise[1]))
        return features, codes, _disturbed(noisy, codes, self.noise[2])

    def _judge(self, x: Tensor, codes: Tensor) -> Tensor:
        logits: Tensor = self.discriminator(x, codes) if self.conditional else self.discriminator(x)
        return logits


def _relative(made: Tensor, wanted: Tensor) -> Tensor:
    """Return the mean square of a difference in units of the mean square of what was wanted."""
    made, wanted = made.float(), wanted.float()
    return (made - wanted).square().mean() / wanted.square().mean().clamp_min(1e-12)


def _disturbed(x: Tensor, clean: Tensor, scale: float) -> Tensor:
    """Add noise of a share of the root mean square of `clean`."""
    return x + scale * clean.square().mean().sqrt() * torch.randn_like(x)


def _check(weights: dict[str, float], noise: Sequence[float], loss: AdversarialLoss) -> None:
    for name, weight in weights.items():
        if not weight >= 0:
            raise ValueError(f"{name}={weight!r} is a weight and must be at least 0; 0 leaves the term out.")
    if len(noise) != 3 or not all(each >= 0 for each in noise):
        raise ValueError(f"noise={noise!r} must be three standard deviations >= 0: of data, of features, of codes.")
    if not isinstance(loss, AdversarialLoss) or loss.pairs:
        raise ValueError(f"loss={loss!r} must be a pair of losses that judge samples one by one, such as Hinge().")
