r"""InfoGAN: a generator that must use its codes, because the discriminator has to be able to read them back.

References: InfoGAN (Chen et al., 2016), https://arxiv.org/abs/1606.03657
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypedDict

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from gan_ext.checks import checked
from gan_ext.game import Loss, Player, TwoPlayerGame, opponents_held
from gan_ext.games.standard import RealBatch
from gan_ext.latents import Categorical, Prior, Product
from gan_ext.losses import discriminator_non_saturating, generator_non_saturating, mode_seeking, r1_penalty, reinforce
from gan_ext.terms import MeanTeacher, Scene, Term, term_views, view_data, weigh_terms

__all__ = ["InfoGANGame", "InfoGANOptions", "Reading", "WeightOptions"]


class WeightOptions(TypedDict, total=False):
    """Terms and weights that a semi-supervised variant hands on to :class:`InfoGANGame`."""

    terms: Sequence[Term]
    adversarial: float
    mode_seeking: float
    r1: float


class InfoGANOptions(WeightOptions, total=False):
    """What variants hand on to :class:`InfoGANGame`."""

    weights: Mapping[str, float] | None
    category: str | None


class Reading(Protocol):
    """What a discriminator that reads codes says of data: logits [B] of being real, and statistics [B, S] of codes."""

    logits: Tensor
    statistics: Tensor


@checked
class InfoGANGame(TwoPlayerGame):
    r"""Generator and discriminator that also agree on codes: both maximize a bound on the codes' mutual information.

    .. math::
        L_I &= \sum_i \lambda_i E_{c, z}[\log q(c_i \mid G(z, c))] \le \sum_i \lambda_i (I(c_i; G(z, c)) - H(c_i)) \\
        L_D &= \alpha \left( E_x[-\log\sigma(d(x))] + E[-\log(1 - \sigma(d(G(z, c))))] \right) - L_I
               + \sum_t w_t L_t \\
        L_G &= \alpha E[-\log\sigma(d(G(z, c)))] - L_I + \mu \frac{E|z_1 - z_2|}{E|G(z_1, c) - G(z_2, c)|}

    Q is a head on the discriminator's trunk and the trunk learns from both, as published.  Logged for every code is
    the bound :math:`H(c_i) + E[\log q]` in nats (:meth:`~gan_ext.latents.Prior.information`), on generated data.

    With `terms` the discriminator's logits of one categorical code must be sensible on real data (sure, balanced, the
    same for a sample and its transformation), as in regularized information maximization.  The reader of that code
    then learns from real data alone, as in ss-InfoGAN, and the generator follows: to learn the generator's early,
    arbitrary categories as well ends in worse ones.  The published game has no terms.

    Shares that a :class:`~gan_ext.latents.Categorical` learns belong to the generator.  They grow where the
    discriminator is deceived (:func:`~gan_ext.losses.reinforce`) until all categories look equally real, which is when
    they are the shares of the data; L_I does not move them, because it is largest where one category is drawn always.
    Real and generated data go through the discriminator together, so one with batch statistics would mix
    them.

    References: InfoGAN (Chen et al., 2016), https://arxiv.org/abs/1606.03657; mode seeking (Mao et al., 2019),
    https://arxiv.org/abs/1903.05628; regularized information maximization (Hu et al., 2017),
    https://arxiv.org/abs/1702.08720

    Args:
        generator: maps [z, c] [B, noise.dim + codes.dim] to data [B, ...].
        discriminator: maps data to an object with `logits` [B] and `statistics` [B, codes.width].
        codes: what the generator must use.
        noise: the rest of its input.
        weights: :math:`\lambda_i` by the codes' names, dimensionless; 1 where none is given.  They are buffers that a
            schedule can change, such as ``"information.digit"``.
        terms: further terms :math:`L_t`, on real data, of one categorical code.
        category: that code's name; the first categorical one if None.
        adversarial: :math:`\alpha`, weight of telling real from generated data and of deceiving.
        mode_seeking: :math:`\mu`; 0 leaves it out.
        r1: weight of the gradient penalty on real data (:func:`~gan_ext.losses.r1_penalty`), times one half.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        codes: Product,
        noise: Prior,
        *,
        weights: Mapping[str, float] | None = None,
        terms: Sequence[Term] = (),
        category: str | None = None,
        adversarial: float = 1.0,
        mode_seeking: float = 0.0,
        r1: float = 0.0,
    ) -> None:
        super().__init__(generator, discriminator)
        self.codes, self.noise = codes, noise
        self.information = _Weights(codes.names, weights or {})
        self.terms = nn.ModuleDict({term.name: term for term in terms})
        self.category = codes.first_categorical() if category is None else category
        if category is not None and not isinstance(codes.codes().get(category), Categorical):
            raise ValueError(f"category must name a categorical code, got {category!r} with codes {list(codes.names)}.")
        if terms and self.category is None:
            raise ValueError(f"terms need a categorical code, but there are only {list(codes.names)}.")
        if len(self.terms) != len(terms):
            raise ValueError(f"terms must differ, got {[term.name for term in terms]}.")
        if any(isinstance(term, MeanTeacher) or not isinstance(term, Term) for term in terms):
            raise ValueError(f"InfoGAN takes terms of the discriminator but MeanTeacher, got {list(terms)}.")
        if not min(adversarial, mode_seeking, r1) >= 0:
            raise ValueError(
                "adversarial, mode_seeking and r1 must be >= 0, got "
                f"adversarial={adversarial}, mode_seeking={mode_seeking} and r1={r1}."
            )
        self.reader = _CategoryReader(discriminator, codes, self.category)
        self.adversarial, self.mode_seeking, self.r1 = adversarial, mode_seeking, r1

    def players(self) -> dict[str, Player]:
        return {
            "discriminator": Player((self.discriminator,), self.discriminator_loss),
            "generator": Player((self.generator, self.codes), self.generator_loss),
        }

    def draw(self, n: int) -> tuple[Tensor, Tensor]:
        """Draw n inputs of the generator [n, noise.dim + codes.dim] and the codes in them [n, codes.dim]."""
        codes = self.codes.sample(n).detach()
        return torch.cat([self.noise.sample(n), codes], dim=1), codes

    @torch.no_grad()
    def encode(self, x: Tensor, block: int = 2000) -> Tensor:
        """Return what Q reads from data [n, ...], in evaluation mode: the means of the codes [n, codes.dim].

        Args:
            x: data, on the device of the networks.
            block: how many are read at a time.
        """
        before = self.discriminator.training
        self.discriminator.eval()
        try:
            stated = torch.cat([self.discriminator(part).statistics for part in x.split(block)])
        finally:
            self.discriminator.train(before)
        return self.codes.posterior_mean(stated)

    @torch.no_grad()
    def traverse(self, latents: Tensor, column: int, values: Tensor) -> Tensor:
        """Return data [n, v, ...] in which one column of the generator's inputs moves and all else stays.

        Args:
            latents: inputs [n, noise.dim + codes.dim]; codes come after the noise.
            column: which one moves.
            values: what it becomes [v].
        """
        moved = latents[:, None].repeat(1, len(values), 1)
        moved[:, :, column] = values.to(latents)
        data: Tensor = self.generator(moved.flatten(0, 1)).unflatten(0, (len(latents), len(values)))
        return data

    def discriminator_loss(self, batch: RealBatch) -> Loss:
        with opponents_held():
            latents, codes = self.draw(len(batch.x))
            fake = self.generator(latents).to(batch.x.dtype)
        scene = Scene(self.reader, batch.x, None, None, self.generator, lambda n: self.draw(n)[0])
        second = term_views(self.terms, scene)
        views = [batch.x, fake, *view_data(second)]
        reading: Reading = self.discriminator(torch.cat(views))
        sizes = [len(view) for view in views]
        real, generated, *_ = reading.logits.split(sizes)
        statistics = reading.statistics.split(sizes)
        values = {"adversarial": discriminator_non_saturating(real, generated)}
        gain, bounds = self.read(statistics[1], codes, self.read_by_discriminator())
        loss = self.adversarial * values["adversarial"] - gain
        if self.terms:
            own = [self.reader.logits(stated) for stated in (statistics[0], *statistics[2:])]
            added, parts = weigh_terms(self.terms, second, own[0], own[1:])
            loss, values = loss + added, values | parts
        if self.r1:
            values["r1"] = r1_penalty(lambda x: self.discriminator(x).logits, batch.x)
            loss = loss + self.r1 / 2 * values["r1"]
        return loss, {name: value.detach() for name, value in (values | bounds).items()}

    def generator_loss(self, batch: Any) -> Loss:
        latents, codes = self.draw(len(batch[-1]))
        fake = self.generator(latents)
        reading: Reading = self.discriminator(fake)
        values = {"adversarial": generator_non_saturating(reading.logits)}
        gain, bounds = self.read(reading.statistics, codes, self.codes.names)
        loss = self.adversarial * values["adversarial"] - gain
        if list(self.codes.parameters()):
            success = self.adversarial * logsigmoid(reading.logits.float())
            loss = loss + reinforce(success, self.codes.log_prob(codes))
        if self.mode_seeking:
            noise = self.noise.sample(len(fake))
            other = self.generator(torch.cat([noise, codes], dim=1))
            values["mode_seeking"] = mode_seeking(fake, other, latents[:, : self.noise.dim], noise)
            loss = loss + self.mode_seeking * values["mode_seeking"]
        return loss, {name: value.detach() for name, value in (values | bounds).items()}

    def read(self, statistics: Tensor, codes: Tensor, names: Sequence[str]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the weighted log-likelihood of the named codes, and the bound of every code in nats."""
        stated, true = self.codes.split_statistics(statistics), self.codes.split(codes)
        gain = statistics.new_zeros((), dtype=torch.float32)
        for name in names:
            gain = gain + self.information[name] * self.codes[name].log_posterior(stated[name], true[name]).mean()
        bounds = self.codes.informations(statistics.detach(), codes.detach())
        return gain, {f"information/{name}": bound.detach() for name, bound in bounds.items()}

    def read_by_discriminator(self) -> Sequence[str]:
        """Return the codes that the discriminator learns to read from generated data."""
        return [name for name in self.codes.names if not self.terms or name != self.category]


class _Weights(nn.Module):
    """A 0-dim buffer for the weight of each code."""

    def __init__(self, names: Sequence[str], weights: Mapping[str, float]) -> None:
        super().__init__()
        strange = sorted(set(weights) - set(names))
        if strange or not all(weight >= 0 for weight in weights.values()):
            raise ValueError(f"weights must be >= 0 for codes among {list(names)}, got {dict(weights)}.")
        for name in names:
            self.register_buffer(name, torch.tensor(float(weights.get(name, 1.0))))

    def __getitem__(self, name: str) -> Tensor:
        return self.get_buffer(name)


class _CategoryReader:
    """The discriminator as terms see it: a classifier whose first output is the logits of one categorical code."""

    def __init__(self, discriminator: nn.Module, codes: Product, category: str | None) -> None:
        self.discriminator, self.codes, self.category = discriminator, codes, category

    def __call__(self, x: Tensor) -> tuple[Tensor]:
        return (self.logits(self.discriminator(x).statistics),)

    def logits(self, statistics: Tensor) -> Tensor:
        assert self.category is not None
        return self.codes.split_statistics(statistics)[self.category]

    @property
    def training(self) -> bool:
        return self.discriminator.training

    def eval(self) -> None:
        self.discriminator.eval()

    def train(self, mode: bool = True) -> None:
        self.discriminator.train(mode)
