r"""GAIL, adversarial imitation learning: a discriminator of behavior as learned reward, a policy as generator.

References: Generative Adversarial Imitation Learning (Ho and Ermon, 2016), https://arxiv.org/abs/1606.03476; Connecting
Generative Adversarial Networks and Actor-Critic Methods (Pfau and Vinyals, 2016), https://arxiv.org/abs/1610.01945
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from typing_extensions import Unpack

from gan_ext.checks import checked
from gan_ext.game import Loss, Player
from gan_ext.games.ppo import PPO, PPOOptions
from gan_ext.losses import Judged, Penalty, discriminator_non_saturating, log_odds_reward, standardized
from gan_ext.moments import tensor_moments
from gan_ext.sequences import evaluating

__all__ = ["GAIL", "Actions", "Imitation", "Replay", "StateAction", "StateTransition"]


class Imitation(NamedTuple):
    """:class:`~gan_ext.games.Episodes` of the policy [N, T] beside an expert's [M, S].

    `expert_observations` [M, S + 1, ...], `expert_actions` [M, S] or [M, S, k], `expert_mask` [M, S] and
    `expert_terminated` [M] (both bool); single steps of the expert are episodes with S = 1.
    """

    observations: Tensor
    actions: Tensor
    log_prob: Tensor
    rewards: Tensor
    mask: Tensor
    terminated: Tensor
    expert_observations: Tensor
    expert_actions: Tensor
    expert_mask: Tensor
    expert_terminated: Tensor


@checked
class _Standardizing(nn.Module):
    """What a discriminator sees of a step, in units of the expert's spread; in its own where the expert has none."""

    def __init__(self, observations: Tensor) -> None:
        super().__init__()
        mean, deviation = tensor_moments(observations.reshape(-1, observations.shape[-1]))
        self.mean, self.deviation = nn.Buffer(mean), nn.Buffer(torch.where(deviation == 0, 1.0, deviation))
        self.width = 2 * observations.shape[-1]  # how many numbers are shown of a step; 0 if that is not known

    def standard(self, observations: Tensor) -> Tensor:
        return (observations - self.mean) / self.deviation


@checked
class StateAction(_Standardizing):
    """Show a discriminator what was observed, and what was done: (s, a).

    Args:
        observations: of an expert [M, ..., d]; their mean and spread make the units.
        actions: number of actions, shown as rows with a 1; 0 for actions that are vectors.
    """

    def __init__(self, observations: Tensor, actions: int) -> None:
        super().__init__(observations)
        self.actions = actions
        self.width = self.width // 2 + actions if actions else 0

    def forward(self, observations: Tensor, actions: Tensor) -> Tensor:
        """Map observations [N, T + 1, d] and actions to [N, T, d + k]."""
        before = self.standard(observations[:, :-1])
        if not self.actions:
            return torch.cat([before, actions], -1)
        rows = torch.zeros(*actions.shape, self.actions, device=before.device)
        return torch.cat([before, rows.scatter_(-1, actions[..., None], 1.0)], -1)


class StateTransition(_Standardizing):
    """Show a discriminator what was observed before and after: (s, s'), for an expert whose actions are unknown.

    References: Generative Adversarial Imitation from Observation (Torabi et al., 2018), https://arxiv.org/abs/1807.06158

    Args:
        observations: of an expert [M, ..., d]; their mean and spread make the units.
    """

    def forward(self, observations: Tensor, actions: Tensor) -> Tensor:
        """Map observations [N, T + 1, d] to [N, T, 2 d]."""
        seen = self.standard(observations)
        return torch.cat([seen[:, :-1], seen[:, 1:]], -1)


class Actions(nn.Module):
    """Show a discriminator whole sequences of actions [N, T], such as tokens."""

    def forward(self, observations: Tensor, actions: Tensor) -> Tensor:
        """Return the actions."""
        return actions


@checked
class Replay(nn.Module):
    """Half of the generated steps that a discriminator sees come from earlier policies.

    The newest rows take the place of the oldest ones; they are buffers, and so in checkpoints.

    References: Learning from Simulated and Unsupervised Images through Adversarial Training (Shrivastava et al., 2017),
    section 2.3, https://arxiv.org/abs/1612.07828; in imitation, Discriminator-Actor-Critic (Kostrikov et al., 2019),
    https://arxiv.org/abs/1809.02925

    Args:
        rows: how many steps are kept, >= 1.
        width: numbers that the discriminator sees of a step.
        share: share of each call's rows in (0, 1] that is kept.
    """

    def __init__(self, rows: int, width: int, share: float = 0.25) -> None:
        super().__init__()
        if rows < 1 or width < 1 or not 0 < share <= 1:
            raise ValueError(f"Replay needs rows >= 1, width >= 1 and share in (0, 1], got {rows}, {width}, {share}.")
        self.share = share
        self.register_buffer("kept", torch.zeros(rows, width))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.kept: Tensor
        self.seen: Tensor

    @torch.no_grad()
    def forward(self, fresh: Tensor) -> Tensor:
        """Return rows [B, f] of which every second one is an earlier one, and keep some of the fresh ones."""
        rows, n = len(self.kept), len(fresh)
        known = self.seen.clamp_max(rows)
        drawn = (torch.rand(n, device=fresh.device) * known).long().clamp_max(rows - 1)
        second = torch.arange(n, device=fresh.device) % 2 == 1
        mixed = torch.where((second & (known > 0))[:, None], self.kept[drawn], fresh)
        new = max(1, min(rows, int(self.share * n)))
        chosen = torch.randperm(n, device=fresh.device)[:new]
        self.kept[(self.seen + torch.arange(new, device=fresh.device)) % rows] = fresh[chosen]
        self.seen += new
        return mixed


@checked
class GAIL(PPO):
    r"""A generator of behavior, rewarded by a discriminator: a GAN read as actor and critic.

    .. math::
        L_D &= E_\text{expert}[-\log \sigma(d(s, a))] + E_\pi[-\log(1 - \sigma(d(s, a)))] + \sum_i w_i R_i \\
        r(s, a) &= d(s, a) \quad\text{or } -\log(1 - D) \text{ or } \log D

    and the policy and its value play :class:`~gan_ext.games.PPO` for r.  It is one game with two readings:

    ========================  ==============================================
    the GAN                   the actor-critic
    ========================  ==============================================
    generator                 policy
    noise                     draws of actions, and of the environment
    sample                    episode
    discriminator             learned reward
    gradient through tokens   policy gradient (:mod:`gan_ext.gradients`)
    ========================  ==============================================

    In an environment that appends tokens it is :class:`~gan_ext.games.SeqGAN` without rollouts.  With
    :class:`StateTransition` it is GAIfO: an expert's actions are not needed.

    A reward of one sign pays or charges for survival, whatever the expert did: :math:`-\log(1 - D) > 0` alone keeps a
    pole up.  So the default is d, whose sign is free; and where episodes end by themselves, `absorbing` lets the
    discriminator judge the end, too.  Logged: ``adversarial``, ``accuracy``, penalties, and what PPO logs.

    References: Generative Adversarial Imitation Learning (Ho and Ermon, 2016), https://arxiv.org/abs/1606.03476;
    Generative Adversarial Imitation from Observation (Torabi et al., 2018), https://arxiv.org/abs/1807.06158; the bias
    of survival: Discriminator-Actor-Critic (Kostrikov et al., 2019), https://arxiv.org/abs/1809.02925

    Args:
        policy: the generator.
        value: its value, or None.
        discriminator: maps what `view` shows, rows [B, f], to logits [B]; with :class:`Actions`, sequences [N, T] to
            logits [N].
        view: what the discriminator is shown of observations [N, T + 1, ...] and actions [N, T]: a module such as
            :class:`StateAction`.
        reward: maps logits to rewards, such as :func:`~gan_ext.losses.minimax_reward`;
            :func:`~gan_ext.losses.log_odds_reward` if None.
        penalties: terms of the discriminator's loss, such as :class:`~gan_ext.losses.R1`.
        absorbing: whether an end leads into a state of its own, for ever: the discriminator sees it as zeros and a mark
            (so rows are [B, f + 1]), by its discounted share of time, and it earns what the verdict says.
        centered: whether the mean over all steps of a batch is taken off rewards.
        replay: what the discriminator is shown of earlier policies; None shows the present one only.
        options: further arguments of :class:`~gan_ext.games.PPO`.

    Raises:
        ValueError: a number out of range, a reward that cannot be called, a discriminator that cannot take rows of the
            view, or a batch without an expert.
    """

    def __init__(
        self,
        policy: nn.Module,
        value: nn.Module | None,
        discriminator: nn.Module,
        view: nn.Module,
        reward: Callable[[Tensor], Tensor] | None = None,
        penalties: Sequence[Penalty] = (),
        *,
        absorbing: bool = False,
        centered: bool = False,
        replay: Replay | None = None,
        **options: Unpack[PPOOptions],
    ) -> None:
        super().__init__(policy, value, **options)
        if reward is not None and not callable(reward):
            raise ValueError(f"reward={reward!r} cannot be called; give a function such as losses.minimax_reward.")
        _check_width(discriminator, view, absorbing)
        self.discriminator, self.view = discriminator, view
        self.form = log_odds_reward if reward is None else reward
        names = [penalty.name for penalty in penalties]
        if len(set(names)) < len(names):
            raise ValueError(f"penalties must differ, got {names}; add up the weights of two that are alike.")
        if absorbing and not self.gamma < 1:
            raise ValueError(f"absorbing needs gamma < 1, got {self.gamma}: the state lasts for ever.")
        self.penalties = nn.ModuleDict({penalty.name: penalty for penalty in penalties})
        self.absorbing, self.centered, self.replay = absorbing, centered, replay

    def players(self) -> dict[str, Player]:
        return {"discriminator": Player((self.discriminator,), self.discriminator_loss), **super().players()}

    def reward(self, batch: Any) -> Tensor:
        """Return what the discriminator's verdict pays steps [N, T], or episodes [N] if it judges whole ones."""
        with evaluating(self.discriminator):
            shown, _ = self._shown(batch.observations, batch.actions, batch.mask, batch.terminated)
            rewards = self.form(self._judge(shown).float())
        if rewards.dim() == 1:
            return rewards
        rewards = rewards[:, : batch.mask.shape[1]]
        return standardized(rewards, batch.mask, spread=False) if self.centered else rewards

    def after(self, batch: Any) -> Tensor:
        """Return what comes after an episode that ended by itself: with `absorbing`, its state for ever."""
        if not self.absorbing:
            return super().after(batch)
        width = self.view(batch.observations[:1, :2], batch.actions[:1, :1]).shape[-1]
        with evaluating(self.discriminator):
            logits = self.discriminator(_absorbing_row(width, batch.mask.device))
        return self.form(logits.float())[0] / (1 - self.gamma)

    def _judge(self, shown: Tensor) -> Tensor:
        logits: Tensor = self.discriminator(shown if shown.dim() == 2 else shown.flatten(0, 1))
        return logits if shown.dim() == 2 else logits.view(shown.shape[:2])

    def _shown(self, observations: Tensor, actions: Tensor, mask: Tensor, terminated: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the discriminator sees and how much each step counts; with `absorbing`, ends are steps, too."""
        shown = self.view(observations, actions)
        if not self.absorbing:
            return shown, mask
        steps = torch.arange(mask.shape[1] + 1, device=mask.device)
        final = (steps == mask.sum(1, keepdim=True)) & terminated[:, None]
        widened = pad(shown, (0, 1, 0, 1))
        row = _absorbing_row(shown.shape[-1], mask.device)
        # It lasts for ever: its discounted share of time is that of gamma / (1 - gamma) steps.
        return torch.where(final[..., None], row, widened), pad(mask, (0, 1)) + final * self.gamma / (1 - self.gamma)

    def discriminator_loss(self, batch: Any) -> Loss:
        """Return what the discriminator minimizes."""
        if not hasattr(batch, "expert_observations"):
            raise ValueError(
                f"The batch is {type(batch).__name__}, without an expert; give EpisodeStream "
                "expert=demonstrations(episodes)."
            )
        with torch.no_grad():
            real, known = self._shown(
                batch.expert_observations, batch.expert_actions, batch.expert_mask, batch.expert_terminated
            )
            fake, made = self._shown(batch.observations, batch.actions, batch.mask, batch.terminated)
            if real.dim() > 2:  # steps, as many of either side
                real = real.flatten(0, 1)[_drawn(known, batch.expert_mask.numel())]
                fake = fake.flatten(0, 1)[_drawn(made, len(real))]
            fake = fake if self.replay is None else self.replay(fake)
        real_logits, fake_logits = self.discriminator(torch.cat([real, fake])).split([len(real), len(fake)])
        loss = discriminator_non_saturating(real_logits, fake_logits)
        accuracy = ((real_logits > 0).float().mean() + (fake_logits < 0).float().mean()) / 2
        terms = {"adversarial": loss.detach(), "accuracy": accuracy}
        judged = Judged(self.discriminator, real, fake, real_logits, fake_logits)
        for name, penalty in self.penalties.items():
            assert isinstance(penalty, Penalty)
            measured = penalty.measure(judged)
            terms[name] = measured.detach()
            loss = loss + penalty.weighted(measured)
        return loss, terms


def _check_width(discriminator: nn.Module, view: nn.Module, absorbing: bool) -> None:
    """Show a discriminator rows of zeros, where the view says how many numbers are in one."""
    width = view.width if isinstance(view, _Standardizing) else 0
    if not width:
        return
    device = next((each.device for each in discriminator.parameters()), torch.device("cpu"))
    try:
        with torch.no_grad(), evaluating(discriminator):
            discriminator(torch.zeros(2, width + absorbing, device=device))
    except RuntimeError as error:
        mark = f", of which 1 is the mark of absorbing={absorbing}" if absorbing else ""
        raise ValueError(
            f"discriminator cannot take rows of {width + absorbing} numbers{mark}: build it for as many, such as "
            f"plain_discriminator(({width + absorbing},)). It says: {error}"
        ) from None


def _absorbing_row(width: int, device: torch.device) -> Tensor:
    """Return what stands for the state after an end [1, width + 1]: nothing is observed, and a mark."""
    return pad(torch.zeros(1, width, device=device), (0, 1), value=1.0)


def _drawn(weights: Tensor, count: int) -> Tensor:
    """Return numbers of `count` positions, each about as often as its weight says."""
    edges = weights.flatten().double().cumsum(0)
    places = (torch.arange(count, device=weights.device) + torch.rand((), device=weights.device)) / count * edges[-1]
    return torch.searchsorted(edges, places.double(), right=True).clamp_max(len(edges) - 1)
