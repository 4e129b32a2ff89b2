"""Rollouts of a policy in an environment, expert demonstrations, and streams of episodes for the engine."""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import Self

from gan_ext.checks import checked
from gan_ext.games import GAIL, PPO, Demonstrations, Episodes, Imitation
from gan_ext.nets import CategoricalPolicy, GaussianPolicy, Policy
from gan_ext.reinforcement.environment import Environment, Transition
from gan_ext.seeds import RandomStateLike, as_seed, mix
from gan_ext.sequences import evaluating

__all__ = ["EpisodeStream", "collect", "demonstrations", "episode_returns"]


@torch.no_grad()
def collect(
    environment: Environment, policy: Policy, n: int, random_state: RandomStateLike = 0, trim: bool = False
) -> Episodes:
    """Play `n` fresh episodes up to their end, or to the horizon T.

    Where episodes begin, and which actions are drawn, are functions of `random_state` and of the policy's weights.

    Args:
        environment: where to act.
        policy: who acts, on any device, in evaluation mode.
        n: how many episodes.
        random_state: decides everything that is drawn.
        trim: whether T may be less: the longest episode, rounded up to a power of two; saves time on a CPU.

    Returns:
        Episodes [n, T], on the policy's device; what comes after an episode's end is 0.

    Raises:
        ValueError: no Environment, n < 1, a policy that does not fit, or an environment that breaks its own word.
    """
    _check_policy(environment, policy)
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"n={n!r} must be an integer, at least 1: the number of episodes.")
    device = next(policy.parameters()).device
    seed = as_seed(random_state)
    generator = torch.Generator().manual_seed(mix(seed, 1))
    uniform = torch.rand(n, environment.horizon, policy.uniforms, generator=generator).to(device)
    seen = environment.reset(n, mix(seed, 2))
    _check_tensor(environment, "reset's observations", seen, (n, *environment.shape))
    observations, actions = [seen], []
    rewards, mask = torch.zeros(n, environment.horizon), torch.zeros(n, environment.horizon, dtype=torch.bool)
    open_, terminated = torch.ones(n, dtype=torch.bool), torch.zeros(n, dtype=torch.bool)
    with evaluating(policy):
        memory = policy.initial(n)
        for position in range(environment.horizon):
            action, memory = policy.act(seen.to(device), uniform[:, position], memory)
            if position == 0:
                _check_actions(environment, action)
            came = environment.step(action.cpu())
            if position == 0:
                _check_transition(environment, came, n)
            seen = torch.where(_like(open_, came.observations), came.observations, 0)
            observations.append(seen)
            actions.append(torch.where(_like(open_, action.cpu()), action.cpu(), 0))
            rewards[:, position], mask[:, position] = torch.where(open_, came.rewards, 0.0), open_
            terminated |= open_ & came.terminated
            open_ &= ~(came.terminated | came.truncated)
            if not bool(open_.any()):
                break
        length = _length(len(actions), environment.horizon) if trim else environment.horizon
        whole = [_filled(observations, length + 1).to(device), _filled(actions, length).to(device)]
        log_prob, _ = policy(whole[0][:, :-1], whole[1])
    mask, rewards = mask[:, :length].to(device), rewards[:, :length].to(device)
    return Episodes(whole[0], whole[1], log_prob * mask, rewards, mask, terminated.to(device))


def _length(longest: int, horizon: int) -> int:
    return min(horizon, 1 << max(4, (longest - 1).bit_length()))


def _like(flags: Tensor, values: Tensor) -> Tensor:
    return flags.reshape(-1, *[1] * (values.dim() - 1))


def _filled(values: list[Tensor], length: int) -> Tensor:
    """Stack what was seen along time, and fill up with zeros."""
    stacked = torch.stack(values, 1)
    whole = stacked.new_zeros(len(stacked), length, *stacked.shape[2:])
    whole[:, : stacked.shape[1]] = stacked
    return whole


def episode_returns(
    environment: Environment, policy: Policy, n: int = 100, random_state: RandomStateLike = 0
) -> Tensor:
    """Return the sum of the environment's rewards in each of `n` fresh episodes [n]."""
    return collect(environment, policy, n, random_state).rewards.sum(1)


def demonstrations(episodes: Episodes, every: int = 1, random_state: RandomStateLike = 0) -> Demonstrations:
    """Return single steps of an expert's episodes: every n-th of each, from a first one that is drawn.

    References: the subsampling of Generative Adversarial Imitation Learning (Ho and Ermon, 2016), section 6,
    https://arxiv.org/abs/1606.03476

    Args:
        episodes: what the expert played.
        every: n >= 1; 1 keeps every step.
        random_state: decides the first one of each episode.
    """
    if every < 1:
        raise ValueError(f"every={every} must be at least 1; 1 keeps every step.")
    generator = torch.Generator().manual_seed(mix(as_seed(random_state), 3))
    mask = episodes.mask
    first = torch.randint(every, (len(mask), 1), generator=generator).to(mask.device)
    position = torch.arange(mask.shape[1], device=mask.device)
    kept = mask & ((position - first) % every == 0)
    if not bool(kept.any()):
        longest = int(mask.sum(1).max())
        raise ValueError(f"every={every} leaves no step of {len(mask)} episodes, the longest of {longest}; take less.")
    pairs = torch.stack([episodes.observations[:, :-1][kept], episodes.observations[:, 1:][kept]], 1)
    ends = episodes.terminated[:, None] & (position == mask.sum(1, keepdim=True) - 1)
    return Demonstrations(pairs, episodes.actions[kept][:, None], mask[kept][:, None], ends[kept])


@checked
class EpisodeStream:
    """Fresh episodes of the present policy for each step of the engine, with rows of an expert for imitation.

    ``stream[draw]`` belongs to step ``draw // moves``: the first move of a step plays, the others reuse what was
    played.  It is a function of the policy's weights at the beginning of the step, the seed and the draw.  A checkpoint
    is made between steps and holds the weights; so a resumed run plays the same episodes.

    Args:
        environment: where to act.
        policy: the game's; the very module that is trained.
        episodes: how many are played for a step, over all ranks.
        moves: moves of one step, as the engine's solver has them: ``len(engine.moves)``.  The stream cannot see the
            engine.  With too many, it notices that the policy has moved between two moves of a step; with too few,
            fresh episodes are played within a step, and nothing says so.
        seed: decides what is drawn.
        expert: what the expert did; None for games that need none.
        expert_batch: rows of it for each move, drawn with replacement, over all ranks.
        share: share of the episodes in (0, 1] that each move gets; below 1 they are drawn, without replacement.
        trim: see :func:`collect`; shapes then differ from step to step, so leave it out when losses are compiled.
        game: which game the episodes are for; then its policy, and its need of an expert, are checked.  None checks
            neither: episodes of another policy than the game's teach it nothing, and nothing says so.

    Raises:
        ValueError: a number out of range, or environment, policy, expert and game that do not fit each other; at a
            draw, a policy that has moved within a step.
    """

    def __init__(
        self,
        environment: Environment,
        policy: Policy,
        episodes: int,
        moves: int,
        seed: int = 0,
        expert: Demonstrations | None = None,
        expert_batch: int = 1024,
        share: float = 1.0,
        trim: bool = False,
        game: PPO | None = None,
    ) -> None:
        _check_policy(environment, policy)
        if not 0 < share <= 1:
            raise ValueError(f"share={share!r} must be in (0, 1]: the share of the episodes that a move gets.")
        if min(episodes, moves, expert_batch) < 1:
            raise ValueError(
                "EpisodeStream needs episodes, moves and expert_batch of at least 1, got "
                f"{episodes}, {moves} and {expert_batch}."
            )
        if expert is not None:
            _check(expert, environment)
        _check_game(game, policy, expert)
        self.environment, self.policy = environment, policy
        self.episodes, self.moves, self.seed = episodes, moves, seed
        self.expert, self.expert_batch, self.share, self.trim, self.rank = expert, expert_batch, share, trim, 0
        self._played: tuple[int, Episodes] | None = None
        self._weights: list[Tensor] = []

    def __getitem__(self, draw: int) -> Any:
        step, move = divmod(draw, self.moves)
        if move == 0 or self._played is None or self._played[0] != step:
            seed = mix(self.seed, self.rank, step)
            self._played = step, collect(self.environment, self.policy, self.episodes, seed, self.trim)
            self._weights = [each.detach().clone() for each in self.policy.parameters()]
        elif self._has_moved():
            raise ValueError(
                f"moves={self.moves} is not what the engine has: the policy moved before move {move} of step {step}. "
                "Give EpisodeStream moves=len(engine.moves)."
            )
        played = self._played[1]
        generator = torch.Generator().manual_seed(mix(self.seed, self.rank, draw, 4))
        if self.share < 1:
            some = torch.randperm(self.episodes, generator=generator)[: max(1, round(self.share * self.episodes))]
            played = Episodes(*(each[some.to(each.device)] for each in played))
        if self.expert is None:
            return played
        rows = torch.randint(len(self.expert.mask), (self.expert_batch,), generator=generator)
        rows = rows.to(self.expert.mask.device)
        return Imitation(*played, *(each[rows] for each in self.expert))

    def _has_moved(self) -> bool:
        pairs = zip(self._weights, self.policy.parameters(), strict=True)
        return any(bool(((now != before) & (now == now)).any()) for before, now in pairs)

    def place(self, device: torch.device, rank: int, ranks: int) -> Self:
        """Return the stream of one rank, with what the expert did on a device."""
        if self.episodes % ranks or self.expert_batch % ranks:
            raise ValueError(
                f"episodes={self.episodes} and expert_batch={self.expert_batch} cannot be shared evenly by {ranks} "
                "ranks."
            )
        placed = copy.copy(self)
        placed.rank, placed._played = rank, None
        placed.episodes, placed.expert_batch = self.episodes // ranks, self.expert_batch // ranks
        placed.expert = None if self.expert is None else Demonstrations(*(each.to(device) for each in self.expert))
        return placed


def _check_policy(environment: Environment, policy: Policy) -> None:
    if not isinstance(environment, Environment):
        raise ValueError(
            f"environment is {type(environment).__name__}, not an Environment; give "
            'GymnasiumEnvironment("CartPole-v1") with the name of yours, or a subclass of Environment.'
        )
    if not isinstance(policy, Policy):
        raise ValueError(f"policy is {type(policy).__name__}, not a Policy; give CategoricalPolicy or a subclass.")
    if not isinstance(policy, CategoricalPolicy | GaussianPolicy):
        return
    chooses = isinstance(policy, CategoricalPolicy)
    if chooses != bool(environment.actions):
        wanted = "CategoricalPolicy" if environment.actions else "GaussianPolicy"
        raise ValueError(f"policy is {type(policy).__name__}, but actions of this environment need a {wanted}.")
    first, last = policy.net[0], policy.net[-1]
    assert isinstance(first, nn.Linear)
    assert isinstance(last, nn.Linear)
    inputs, actions = environment.shape[-1:], environment.actions or (environment.action_shape or (1,))[-1]
    if inputs != (first.in_features,) or actions != last.out_features:
        raise ValueError(
            f"policy has inputs={first.in_features} and actions={last.out_features}, but the environment has "
            f"observations of shape {environment.shape} and {actions} actions; build the policy with these."
        )


def _check_actions(environment: Environment, action: Tensor) -> None:
    if action.shape[1:] != environment.action_shape:
        raise ValueError(
            f"policy gives actions of shape {tuple(action.shape[1:])}, but the environment takes "
            f"{environment.action_shape}; build the policy for it."
        )
    if environment.actions and not 0 <= int(action.min()) <= int(action.max()) < environment.actions:
        raise ValueError(
            f"policy chose action {int(action.max())}, but the environment has actions={environment.actions}, from 0 "
            "on; build the policy with as many."
        )


def _check_transition(environment: Environment, came: Transition, n: int) -> None:
    if not isinstance(came, Transition):
        raise ValueError(
            f"{type(environment).__name__}.step gave {type(came).__name__}; return "
            "Transition(observations, rewards, terminated, truncated)."
        )
    _check_tensor(environment, "step's observations", came.observations, (n, *environment.shape))
    _check_tensor(environment, "step's rewards", came.rewards, (n,))
    for name, value in (("terminated", came.terminated), ("truncated", came.truncated)):
        _check_tensor(environment, f"step's {name}", value, (n,))
        if value.dtype != torch.bool:
            raise ValueError(f"{type(environment).__name__}: step's {name} is {value.dtype}; make it bool.")


def _check_tensor(environment: Environment, what: str, value: Tensor, shape: tuple[int, ...]) -> None:
    name = type(environment).__name__
    if not isinstance(value, Tensor):
        raise ValueError(f"{name}: {what} are {type(value).__name__}; make a tensor of them (torch.as_tensor).")
    if value.shape != shape or value.device.type != "cpu" or value.dtype == torch.float64:
        raise ValueError(
            f"{name}: {what} are {value.dtype} {tuple(value.shape)} on {value.device}; they must be {shape} on the "
            "CPU, and not float64: use .float()."
        )


def _check_game(game: PPO | None, policy: Policy, expert: Demonstrations | None) -> None:
    if game is not None and game.policy is not policy:
        raise ValueError("policy is not the game's; give EpisodeStream policy=game.policy, the very module it trains.")
    if isinstance(game, GAIL) and expert is None:
        raise ValueError("expert=None, but GAIL imitates one; give expert=demonstrations(episodes).")


def _check(expert: Demonstrations, environment: Environment) -> None:
    if not isinstance(expert, Demonstrations):
        raise ValueError(
            f"expert is {type(expert).__name__}, not Demonstrations; give expert=demonstrations(episodes), with "
            "gan_ext.reinforcement.demonstrations."
        )
    n, steps = expert.mask.shape[:2] if expert.mask.dim() == 2 else (0, 0)
    seen, done = expert.observations.shape, expert.actions.shape
    fits = seen == (n, steps + 1, *environment.shape) and done == (n, steps, *environment.action_shape)
    if not n or not fits or expert.terminated.shape != (n,):
        raise ValueError(
            "expert must have observations [M, S + 1, ...], actions [M, S, ...], a mask [M, S] and terminated [M] of "
            f"this environment ({environment.shape} and {environment.action_shape}), M >= 1; got {tuple(seen)}, "
            f"{tuple(done)}, {tuple(expert.mask.shape)} and {tuple(expert.terminated.shape)}. "
            "gan_ext.reinforcement.demonstrations makes them of episodes."
        )
