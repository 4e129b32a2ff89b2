"""Small nets fit their environment: what the policy may do, and what the discriminator sees."""

import pytest
import torch
from torch import Tensor

from gan_ext.games import StateAction, StateTransition
from gan_ext.losses import R1
from gan_ext.nets import CategoricalPolicy, GaussianPolicy
from gan_ext.reinforcement import (
    Environment,
    TokenEnvironment,
    Transition,
    collect,
    demonstrations,
    imitation_game,
    small_policy,
)


class Walk(Environment):
    """Three numbers that move by what is done: one of two ways, or a vector."""

    def __init__(self, actions: int) -> None:
        super().__init__((3,), actions, () if actions else (3,), 4)
        self.place = torch.zeros(0, 3)

    def reset(self, n: int, seed: int) -> Tensor:
        self.place = torch.randn(n, 3, generator=torch.Generator().manual_seed(seed % 2**31))
        return self.place

    def step(self, actions: Tensor) -> Transition:
        self.place = self.place + (actions[:, None] - 0.5 if self.actions else actions)
        none = torch.zeros(len(actions), dtype=torch.bool)
        return Transition(self.place, torch.ones(len(actions)), none, none)


@pytest.mark.parametrize(("actions", "kind"), [(2, CategoricalPolicy), (0, GaussianPolicy)])
def test_a_policy_acts_in_its_environment_and_the_seed_decides_it(actions: int, kind: type) -> None:
    walk = Walk(actions)
    first, again, other = (next(small_policy(walk, seed).get_submodule("net").parameters()) for seed in (4, 4, 5))
    assert isinstance(small_policy(walk), kind)
    assert collect(walk, small_policy(walk), 2, 0).actions.shape[:2] == (2, 4)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(("actions", "sees", "view"), [(2, True, StateAction), (0, False, StateTransition)])
def test_the_game_judges_what_the_view_shows(actions: int, sees: bool, view: type) -> None:
    walk = Walk(actions)
    policy = small_policy(walk)
    shown = demonstrations(collect(walk, policy, 3, 1))
    game = imitation_game(walk, policy, shown, actions=sees, penalties=[R1(0.5)])
    assert isinstance(game.view, view)
    assert game.absorbing
    assert set(game.players()) == {"discriminator", "policy", "value"}


def test_what_does_not_fit_is_said() -> None:
    tokens, walk = TokenEnvironment(3, 2), Walk(0)
    policy = small_policy(walk)
    shown = demonstrations(collect(walk, policy, 2, 0))
    with pytest.raises(ValueError, match=r"observations \[d\]"):
        small_policy(tokens)
    with pytest.raises(ValueError, match="a choice of actions, or actions=False"):
        imitation_game(walk, policy, shown)
