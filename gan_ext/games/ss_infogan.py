r"""ss-InfoGAN: a few labels say what the categories of an InfoGAN mean.

References: Guiding InfoGAN with Semi-Supervision (Spurr et al., 2017), https://arxiv.org/abs/1707.04487
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from typing_extensions import Unpack

from gan_ext.checks import checked
from gan_ext.game import Loss
from gan_ext.games.infogan import InfoGANGame, WeightOptions
from gan_ext.games.kplus1 import SemiBatch
from gan_ext.games.standard import RealBatch
from gan_ext.latents import Prior, Product

__all__ = ["SemiSupervisedInfoGAN"]


@checked
class SemiSupervisedInfoGAN(InfoGANGame):
    r"""InfoGAN whose category is read from real labeled data, and whose generator must make what is so read.

    .. math::
        L_D &= L_D^\text{adv} + \beta_s E_{x, y}[-\log q(y \mid x)] - \sum_{i \ne k} \lambda_i E[\log q(c_i \mid G)] \\
        L_G &= L_G^\text{adv} - \lambda_k E[\log q(c_k \mid G)] - \sum_{i \ne k} \lambda_i E[\log q(c_i \mid G)]

    where k is the category.  The discriminator never learns that code from generated data, so its meaning is that of
    the labels: category j is class j.  The other codes are those of :class:`~gan_ext.games.InfoGANGame`, found by both
    players.  The category may have more values than there are labeled classes, but nothing shows Q the rest; leave
    what has no labels to another code.  Batches are :class:`~gan_ext.games.SemiBatch`, and the game's real data are the
    unlabeled ones (put the labeled ones among them, too).

    References: Guiding InfoGAN with Semi-Supervision (Spurr et al., 2017), https://arxiv.org/abs/1707.04487

    Args:
        generator: as in :class:`~gan_ext.games.InfoGANGame`.
        discriminator: as in :class:`~gan_ext.games.InfoGANGame`.
        codes: what the generator must use; one is categorical.
        noise: the rest of the generator's input.
        category: the name of the code that labels explain, in [0, K) as classes are; the first categorical one if None.
        supervised_weight: :math:`\beta_s`, dimensionless, a 0-dim buffer.
        weights: :math:`\lambda_i` by the codes' names; 2 for the category and 0.8 for others where none is given, as
            published.
        options: what else :class:`~gan_ext.games.InfoGANGame` takes.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        codes: Product,
        noise: Prior,
        *,
        category: str | None = None,
        supervised_weight: float = 2.0,
        weights: Mapping[str, float] | None = None,
        **options: Unpack[WeightOptions],
    ) -> None:
        category = codes.first_categorical() if category is None else category
        if category is None:
            raise ValueError(f"SemiSupervisedInfoGAN needs a categorical code, but there are only {list(codes.names)}.")
        if not supervised_weight >= 0:
            raise ValueError(f"supervised_weight must be >= 0, got {supervised_weight}.")
        weights = dict.fromkeys(codes.names, 0.8) | {category: 2.0} | dict(weights or {})
        super().__init__(generator, discriminator, codes, noise, category=category, weights=weights, **options)
        self.register_buffer("supervised_weight", torch.tensor(float(supervised_weight)))
        self.supervised_weight: Tensor

    def discriminator_loss(self, batch: SemiBatch) -> Loss:  # type: ignore[override]
        loss, terms = super().discriminator_loss(RealBatch(batch.u))
        logits = self.reader.logits(self.discriminator(batch.x).statistics).float()
        supervised = F.cross_entropy(logits, batch.y)
        accuracy = (logits.argmax(1) == batch.y).float().mean()
        terms |= {"supervised": supervised.detach(), "supervised/accuracy": accuracy}
        return loss + self.supervised_weight * supervised, terms

    def read_by_discriminator(self) -> Sequence[str]:
        return [name for name in self.codes.names if name != self.category]
