r"""Triple-GAN: a classifier and a generator both make pairs of data and class, and a discriminator tells them apart.

References: Triple Generative Adversarial Nets (Li et al., 2017), https://arxiv.org/abs/1703.02291; Triple Generative
Adversarial Networks (Li et al., 2019), https://arxiv.org/abs/1912.09784
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, relu, softplus

from gan_ext.checks import checked
from gan_ext.game import Game, Loss, Player, opponents_held
from gan_ext.games.kplus1 import SemiBatch
from gan_ext.latents import Prior
from gan_ext.losses import supervised
from gan_ext.terms import (
    Generated,
    GeneratorTerm,
    Scene,
    Term,
    logits_without_noise,
    sorted_terms,
    term_views,
    view_data,
    weigh_terms,
)

__all__ = ["TripleGAN"]


class _Costs(NamedTuple):
    """What the score of a pair costs those who say that it is real, those who deny it, and its maker."""

    real: Callable[[Tensor], Tensor]
    fake: Callable[[Tensor], Tensor]
    maker: Callable[[Tensor], Tensor]


_COSTS = {
    "hinge": _Costs(lambda d: relu(1 - d), lambda d: relu(1 + d), lambda d: -d),
    "log": _Costs(lambda d: softplus(-d), softplus, lambda d: softplus(-d)),
}


@checked
class TripleGAN(Game):
    r"""Classifier and generator against a discriminator of pairs (x, y).

    .. math::
        L_D &= E_{x, y}[r(d(x, y))] + \tfrac12 E_{z, y}[f(d(G(z, y), y))]
               + \tfrac12 E_u \sum_c p(c \mid u) f(d(u, c)) \\
        L_G &= E_{z, y}[g(d(G(z, y), y))] + \sum_t w_t L_t \\
        L_C &= E_{x, y}[-\log p(y \mid x)] + \sum_t w_t L_t + \alpha E_u \sum_c p(c \mid u) g(d(u, c))
               + \beta E_{z, y}[-\log p(y \mid G(z, y))]

    with :math:`r(d) = \max(0, 1 - d),\ f(d) = \max(0, 1 + d),\ g(d) = -d` (``"hinge"``, the second paper's), or
    :math:`r = g = -\log\sigma(d),\ f = -\log(1 - \sigma(d))` (``"log"``, near the first's).  Real pairs are the
    labeled ones and, as those are few, the unlabeled ones with their likeliest class, each of which counts
    :math:`\rho` times as much as a labeled one.  Classes of generated samples are drawn from the batch's labels.

    :math:`\alpha, \beta, \rho` are 0-dim buffers ``"adversarial"``, ``"generated"`` and ``"pseudo"``: raise them from 0
    by schedules, as early guesses are wrong.  Published besides are a :class:`~gan_ext.terms.MeanTeacher` among the
    terms, and several steps of the discriminator for each of the others (``turns`` of the engine).

    The terms of the discriminator in other games are the classifier's here; features, for those of the generator, are
    the classifier's, too.  What a term draws for the generator is z and the class's one-hot side by side.

    Args:
        classifier: maps data [B, ...] to (class logits [B, K], features [B, F]).
        generator: maps (z [B, d], y [B]) to data [B, ...].
        discriminator: maps (data [B, ...], y [B]) to scores [B], positive for "real".  With a method `every_class`
            from data [B, ...] to the scores of all classes [B, K], as
            :class:`~gan_ext.nets.ProjectionDiscriminator` has, K passes become one.
        prior: the distribution of z.
        classes: K.
        loss: ``"hinge"`` or ``"log"``.
        adversarial: :math:`\alpha`; published: 0.03.
        generated: :math:`\beta`; published: 3.
        pseudo: :math:`\rho`, in [0, 1].
        augment: a random transformation of labeled data that keeps the class, for the classifier; None for none.
        terms: further terms of the classifier (:class:`~gan_ext.terms.Term`) and of the generator
            (:class:`~gan_ext.terms.GeneratorTerm`), each at most once.
        samples: generated samples in a move, at least 2; as many as unlabeled ones if None.
    """

    generator_takes_classes: ClassVar[bool] = True
    discriminator_takes_classes: ClassVar[bool] = True

    def __init__(
        self,
        classifier: nn.Module,
        generator: nn.Module,
        discriminator: nn.Module,
        prior: Prior,
        classes: int,
        *,
        loss: Literal["hinge", "log"] = "hinge",
        adversarial: float = 0.03,
        generated: float = 3.0,
        pseudo: float = 1.0,
        augment: Callable[[Tensor], Tensor] | None = None,
        terms: Sequence[Term | GeneratorTerm] = (),
        samples: int | None = None,
    ) -> None:
        super().__init__()
        if loss not in _COSTS:
            raise ValueError(f"loss={loss!r} must be 'hinge' or 'log'.")
        if not (adversarial >= 0 and generated >= 0 and 0 <= pseudo <= 1):
            raise ValueError(
                "TripleGAN needs adversarial >= 0, generated >= 0 and pseudo in [0, 1], got "
                f"adversarial={adversarial}, generated={generated} and pseudo={pseudo}."
            )
        if classes < 2 or (samples is not None and samples < 2):
            raise ValueError(f"TripleGAN needs classes and samples of at least 2, got {classes} and {samples}.")
        self.classifier, self.generator, self.discriminator = classifier, generator, discriminator
        self.prior, self.classes, self.samples, self.loss = prior, classes, samples, loss
        self.augment = augment or nn.Identity()
        self.terms, self.generator_terms = sorted_terms(terms, classifier)
        for name, value in (("adversarial", adversarial), ("generated", generated), ("pseudo", pseudo)):
            self.register_buffer(name, torch.tensor(float(value)))
        self.adversarial: Tensor
        self.generated: Tensor
        self.pseudo: Tensor

    def players(self) -> dict[str, Player]:
        return {
            "discriminator": Player((self.discriminator,), self.discriminator_loss),
            "generator": Player((self.generator, self.generator_terms), self.generator_loss),
            "classifier": Player((self.classifier,), self.classifier_loss),
        }

    def discriminator_loss(self, batch: SemiBatch) -> Loss:
        with opponents_held():
            z, y = self._draw(batch)
            fake = self.generator(z, y).to(batch.u.dtype)
            p = self._guess(batch.u)
        real_cost, fake_cost, _ = _COSTS[self.loss]
        known, made, guessed = self._scores(batch, fake, y)
        likeliest = guessed.gather(1, p.argmax(1, keepdim=True))
        real = real_cost(known).sum() + self.pseudo * real_cost(likeliest).sum()
        values = {
            "real": real / (len(known) + self.pseudo * len(p)),
            "generated": fake_cost(made).mean() / 2,
            "classified": (p * fake_cost(guessed)).sum(1).mean() / 2,
        }
        return torch.stack(list(values.values())).sum(), {name: value.detach() for name, value in values.items()}

    def generator_loss(self, batch: SemiBatch) -> Loss:
        z, y = self._draw(batch)
        made = self.generator(z, y)
        values = {"adversarial": _COSTS[self.loss].maker(self.discriminator(made, y).float()).mean()}
        loss = values["adversarial"]
        if self.generator_terms:
            with opponents_held():
                real = self.classifier(batch.u)[1]
            seen = Generated(z, made, self.classifier(made)[1], real)
            for name, term in self.generator_terms.items():
                values[name] = term(seen)
                loss = loss + cast("GeneratorTerm", term).weight * values[name]
        return loss, {name: value.detach() for name, value in values.items()}

    def classifier_loss(self, batch: SemiBatch) -> Loss:
        with opponents_held():
            z, y = self._draw(batch)
            fake = self.generator(z, y).to(batch.u.dtype)
            cost = _COSTS[self.loss].maker(self._every_class(batch.u))
        scene = Scene(self.classifier, batch.u, batch.x, batch.y, self._make, self._inputs)
        second = term_views(self.terms, scene)
        views = [self.augment(batch.x), batch.u, *view_data(second)]
        known, real, *rest = self.classifier(torch.cat(views))[0].split([len(view) for view in views])
        made = logits_without_noise(self.classifier, fake)
        values = {
            "supervised": supervised(known, batch.y),
            "adversarial": (real.float().softmax(1) * cost).sum(1).mean(),
            "generated": supervised(made, y),
        }
        loss = values["supervised"] + self.adversarial * values["adversarial"] + self.generated * values["generated"]
        added, parts = weigh_terms(self.terms, second, real, rest)
        return loss + added, {name: value.detach() for name, value in (values | parts).items()}

    def _draw(self, batch: SemiBatch) -> tuple[Tensor, Tensor]:
        n = self.samples or len(batch.u)
        return self.prior.sample(n), batch.y[torch.randint(len(batch.y), (n,), device=batch.y.device)]

    def _inputs(self, n: int) -> Tensor:
        z = self.prior.sample(n)
        y = torch.randint(self.classes, (n,), device=z.device)
        return torch.cat([z, one_hot(y, self.classes).to(z)], dim=1)

    def _make(self, inputs: Tensor) -> Tensor:
        z, marks = inputs.split([inputs.shape[1] - self.classes, self.classes], dim=1)
        made: Tensor = self.generator(z, marks.argmax(1))
        return made

    def _guess(self, u: Tensor) -> Tensor:
        """Return class probabilities [U, K], with the classifier's noise off."""
        return logits_without_noise(self.classifier, u).float().softmax(1)

    def _scores(self, batch: SemiBatch, fake: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the scores of labeled and of generated pairs, and of unlabeled data with every class [U, K]."""
        pairs = self.discriminator(torch.cat([batch.x, fake]), torch.cat([batch.y, y])).float()
        known, made = pairs.split([len(batch.x), len(fake)])
        return known, made, self._every_class(batch.u)

    def _every_class(self, u: Tensor) -> Tensor:
        """Return the scores of data with every class [U, K], in one pass where the discriminator has a way."""
        every_class: Any = getattr(self.discriminator, "every_class", None)
        if every_class is not None:
            at_once: Tensor = every_class(u)
            return at_once.float()
        classes = torch.arange(self.classes, device=u.device).repeat(len(u))
        scores: Tensor = self.discriminator(u.repeat_interleave(self.classes, 0), classes)
        return scores.float().view(-1, self.classes)
