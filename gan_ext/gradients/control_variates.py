"""REBAR and RELAX: control variates from relaxations, the score function's expectation with less variance."""

from abc import abstractmethod

import torch
from torch import Tensor, nn

from gan_ext.checks import checked
from gan_ext.gradients.estimator import (
    GradientEstimator,
    Reward,
    earned,
    leave_one_out,
    one_hot,
    per_token,
    reward_of_rows,
    score_terms,
)
from gan_ext.gradients.pathwise import gumbel_like
from gan_ext.gradients.prefixes import PrefixEncoder
from gan_ext.sequences import SequenceModel, real_positions, sample

__all__ = ["REBAR", "RELAX", "conditional_gumbel"]


def conditional_gumbel(log_probs: Tensor, tokens: Tensor) -> Tensor:
    r"""Draw :math:`z = l + g` given that its argmax is a known token k.

    .. math:: z_k = -\log E_k, \qquad z_v = -\log(E_v / p_v + E_k), \qquad E \text{ exponential}

    References: A* Sampling (Maddison et al., 2014), https://arxiv.org/abs/1411.0030; REBAR (Tucker et al., 2017),
    appendix, https://arxiv.org/abs/1703.07370

    Args:
        log_probs: normalized l [..., V].
        tokens: k [...].

    Returns:
        z [..., V].
    """
    noise = gumbel_like(log_probs)
    top = noise.gather(-1, tokens[..., None])
    below = -torch.logaddexp(-noise - log_probs, -top)
    return below.scatter(-1, tokens[..., None], top)


@checked
class _ControlVariate(GradientEstimator):
    r"""The score function with a control variate at each step.

    At step t the prefix is given, and :math:`z_t = l_t + g_t` is smooth in the parameters.  For any :math:`c_t(z_t)`
    that does not look at later tokens, with :math:`\tilde z_t` the draw of z given its argmax b,

    .. math:: E[-c(\tilde z) \nabla \log p(b) + \nabla c(z) - \nabla c(\tilde z)] = 0

    Both draws may be the same numbers; then they differ in how they move with the parameters only.
    :math:`\tilde z_b` does not move, and :math:`\tilde z_v` moves by :math:`1 - e^{z_v - z_b}` times :math:`l_v`.  So

    .. math:: \nabla c(z) - \nabla c(\tilde z) = \sum_v \frac{\partial c}{\partial z_v} e^{z_v - z_b} \nabla l_v

    and one evaluation of c serves all three terms.
    """

    unbiased = True

    def __init__(self, eta: float) -> None:
        super().__init__()
        self.register_buffer("eta", torch.tensor(float(eta)))
        self.eta: Tensor

    def forward(
        self, model: SequenceModel, reward: Reward, n: int, labels: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        tokens = sample(model, n, labels=labels, check=False)
        mask = real_positions(tokens, model.end)
        values = earned(reward, tokens, mask)
        log_probs = model(tokens, labels).float().log_softmax(-1)
        fixed = log_probs.detach()
        noisy = conditional_gumbel(fixed, tokens)
        control, slope = self.control(reward, tokens, mask, noisy, labels)
        path = slope * (noisy - noisy.gather(-1, tokens[..., None])).exp()
        eta, baseline = self.eta.clone(), leave_one_out(values, mask)
        centered = (per_token(values) - baseline).expand_as(control)
        advantage = (centered - eta * control).detach()
        chosen = log_probs.gather(-1, tokens[..., None])[..., 0]
        gradient = advantage * chosen + eta * (path.detach() * log_probs).sum(-1)
        loss = -(gradient * mask).sum(1).mean()
        terms = score_terms(values, advantage, mask)
        return self.learn(loss, terms, _Parts(fixed, tokens, mask, centered, control, path))

    @abstractmethod
    def control(
        self, reward: Reward, tokens: Tensor, mask: Tensor, noisy: Tensor, labels: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Return c [B, T] for z [B, T, V], and its derivative in z [B, T, V]."""

    @abstractmethod
    def learn(self, loss: Tensor, terms: dict[str, Tensor], parts: "_Parts") -> tuple[Tensor, dict[str, Tensor]]:
        """Improve the control variate, after its use."""


class _Parts:
    """The estimate of one batch, as gradients in the logits [B, T, V]."""

    def __init__(
        self, log_probs: Tensor, tokens: Tensor, mask: Tensor, centered: Tensor, control: Tensor, path: Tensor
    ) -> None:
        self.mask = mask[..., None]
        self.probs = log_probs.exp()
        self.score = one_hot(tokens, log_probs.shape[-1]) - self.probs
        self.centered, self._control, self._path = centered, control, path

    def plain(self) -> Tensor:
        """Return the score function's part."""
        return self.mask * self.centered[..., None] * self.score

    def variate(self) -> Tensor:
        """Return what is added eta times, of mean zero."""
        moved = self._path - self.probs * self._path.sum(-1, keepdim=True)
        return self.mask * (moved - self._control[..., None] * self.score)


@checked
class REBAR(_ControlVariate):
    r"""The score function with the reward of a relaxed token as control variate.

    .. math::
        \sum_t (Q_t - \eta c_t(\tilde z_t)) \nabla \log p(b_t \mid b_{<t})
            + \eta (\nabla c_t(z_t) - \nabla c_t(\tilde z_t)), \qquad
        c_t(z) = R(b_{<t}, \mathrm{softmax}(z / \tau), u, \dots, u)

    with uniform rows u for tokens to come; Q and c are both centered by :func:`~gan_ext.gradients.leave_one_out`.
    Relaxing all steps at once would be simpler and is not unbiased: the model reads hard tokens, so later logits jump
    with earlier draws.  Without a given :math:`\eta`, the least-squares one of past calls is used,
    :math:`\eta = -\overline{\langle g, h \rangle} / \overline{\lVert h \rVert^2}`, g and h being both parts in the
    logits.  The reward is called once for tokens and T times for rows; if it returns [B, T], column t is taken for
    :math:`c_t`.

    References: REBAR (Tucker et al., 2017), https://arxiv.org/abs/1703.07370

    Args:
        temperature: :math:`\tau > 0`; a buffer.
        eta: :math:`\eta`; a buffer; None tunes it.
        decay: of the means that tune it, in [0, 1), per call.
    """

    relaxed = True

    def __init__(self, temperature: float = 1.0, eta: float | None = None, decay: float = 0.99) -> None:
        super().__init__(0.0 if eta is None else eta)
        if not temperature > 0:
            raise ValueError(f"temperature={temperature!r} must be a positive number.")
        if not 0 <= decay < 1:
            raise ValueError(f"decay={decay!r} must be in [0, 1).")
        self.tuned, self.decay = eta is None, decay
        self.register_buffer("temperature", torch.tensor(float(temperature)))
        self.register_buffer("together", torch.zeros(()))
        self.register_buffer("square", torch.zeros(()))
        self.temperature: Tensor
        self.together: Tensor
        self.square: Tensor

    def control(
        self, reward: Reward, tokens: Tensor, mask: Tensor, noisy: Tensor, labels: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        hard = one_hot(tokens, noisy.shape[-1])
        parts = [self._at(reward, hard, noisy[:, position], position) for position in range(tokens.shape[1])]
        controls, slopes = (torch.stack(part, 1) for part in zip(*parts, strict=True))
        return controls - leave_one_out(controls, mask), slopes

    def _at(self, reward: Reward, hard: Tensor, noisy: Tensor, position: int) -> tuple[Tensor, Tensor]:
        # Not torch.func: a reward may hold autograd functions of its own, and one derivative is enough.
        with torch.enable_grad():
            noisy = noisy.detach().requires_grad_(True)
            soft = (noisy / self.temperature).softmax(-1)
            rest = torch.full_like(hard[:, position + 1 :], 1 / hard.shape[-1])
            rows = torch.cat([hard[:, :position], soft[:, None], rest], 1)
            values = reward_of_rows(reward, rows, "REBAR", per_token_too=True)
            values = values if values.dim() == 1 else values[:, position]
            (slope,) = torch.autograd.grad(values.sum(), noisy)
        return values.detach(), slope

    @torch.no_grad()
    def learn(self, loss: Tensor, terms: dict[str, Tensor], parts: _Parts) -> tuple[Tensor, dict[str, Tensor]]:
        if self.tuned:
            plain, variate = parts.plain(), parts.variate()
            self.together.lerp_((plain * variate).mean(), 1 - self.decay)
            self.square.lerp_(variate.square().mean(), 1 - self.decay)
            self.eta.copy_(-self.together / self.square.clamp_min(1e-30))
        return loss, {**terms, "eta": self.eta.clone()}


@checked
class RELAX(_ControlVariate):
    r"""The score function with a learned control variate; the reward is a black box.

    .. math::
        \sum_t (Q_t - c_\phi(b_{<t}, \tilde z_t)) \nabla \log p(b_t \mid b_{<t})
            + \nabla c_\phi(b_{<t}, z_t) - \nabla c_\phi(b_{<t}, \tilde z_t), \qquad
        L_\phi = E \sum_t \lVert \hat g_t \rVert^2

    :math:`\hat g_t` is the estimate in the logits of step t; since its mean does not depend on :math:`\phi`, its second
    moment is its variance but for a constant.  :math:`c_\phi` is an LSTM over the prefix and a perceptron.

    References: Backpropagation through the Void (Grathwohl et al., 2018), https://arxiv.org/abs/1711.00123

    Args:
        vocabulary: number of tokens V.
        embedding: size of a token's embedding.
        hidden: size of the memory, and of the perceptron.
        classes: number of classes of the model; 0 without.
        weight: weight of :math:`L_\phi`, >= 0; a buffer.
    """

    relaxed = False

    def __init__(
        self, vocabulary: int, embedding: int = 32, hidden: int = 32, classes: int = 0, *, weight: float = 1.0
    ) -> None:
        super().__init__(1.0)
        if not weight >= 0:
            raise ValueError(f"weight={weight!r} must be >= 0.")
        self.encoder = PrefixEncoder(vocabulary, embedding, hidden, classes)
        self.read = nn.Linear(vocabulary, hidden, bias=False)
        last = nn.Linear(hidden, 1)
        nn.init.zeros_(last.weight)  # centered, until something better is known
        nn.init.zeros_(last.bias)
        self.head = nn.Sequential(nn.Linear(2 * hidden, hidden), nn.Tanh(), last)
        self.register_buffer("weight", torch.tensor(float(weight)))
        self.weight: Tensor

    def control(
        self, reward: Reward, tokens: Tensor, mask: Tensor, noisy: Tensor, labels: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        prefix = self.encoder(tokens, labels)

        def total(z: Tensor) -> tuple[Tensor, Tensor]:
            values = self.head(torch.cat([prefix, self.read(z.softmax(-1))], -1))[..., 0].float()
            return values.sum(), values

        slope, values = torch.func.grad(total, has_aux=True)(noisy)
        return values, slope

    def learn(self, loss: Tensor, terms: dict[str, Tensor], parts: _Parts) -> tuple[Tensor, dict[str, Tensor]]:
        moment = (parts.plain() + self.eta * parts.variate()).square().sum((1, 2)).mean()
        return loss + self.weight * moment, {**terms, "second_moment": moment.detach()}
