"""Small nets that fit an environment: a policy, and the game in which it imitates an expert (GAIL, GAIfO)."""

from collections.abc import Sequence

from gan_ext.games import GAIL, Demonstrations, StateAction, StateTransition
from gan_ext.losses import Penalty
from gan_ext.nets import CategoricalPolicy, GaussianPolicy, Policy, plain_discriminator, plain_value
from gan_ext.reinforcement.environment import Environment
from gan_ext.seeds import RandomStateLike, as_seed, mix, seeded

__all__ = ["imitation_game", "small_policy"]


def small_policy(
    environment: Environment, random_state: RandomStateLike = 0, widths: Sequence[int] = (64, 64)
) -> Policy:
    """Return a fresh policy: one of the environment's actions, or a Gaussian where an action is a vector.

    Args:
        environment: its observations are vectors [d].
        random_state: decides the weights.
        widths: units of the hidden layers.

    Raises:
        ValueError: observations that are no vectors.
    """
    if len(environment.shape) != 1:
        raise ValueError(f"small_policy needs observations [d]; the environment has {environment.shape}.")
    with seeded(mix(as_seed(random_state), 3)):
        if environment.actions:
            return CategoricalPolicy(environment.shape[0], environment.actions, widths)
        return GaussianPolicy(environment.shape[0], (environment.action_shape or (1,))[-1], widths)


def imitation_game(
    environment: Environment,
    policy: Policy,
    expert: Demonstrations,
    *,
    actions: bool = True,
    widths: Sequence[int] = (64, 64),
    penalties: Sequence[Penalty] = (),
) -> GAIL:
    """Return the game in which a policy imitates an expert: a value and a discriminator that also judges the end.

    References: GAIL (Ho and Ermon, 2016), https://arxiv.org/abs/1606.03476; without actions, GAIfO (Torabi et al.,
    2018), https://arxiv.org/abs/1807.06158

    Args:
        environment: where both act; its observations are vectors [d].
        policy: who learns.
        expert: its observations also make the units of what the discriminator sees.
        actions: whether the discriminator sees (state, action); else (state, next state).
        widths: units of the discriminator's hidden layers.
        penalties: terms of the discriminator's loss.

    Raises:
        ValueError: observations that are no vectors, or actions to be seen that are no choice.
    """
    if len(environment.shape) != 1 or (actions and not environment.actions):
        raise ValueError(
            "imitation_game needs observations [d] and a choice of actions, or actions=False; the environment has "
            f"observations {environment.shape} and {environment.actions} actions."
        )
    seen = expert.observations
    view = StateAction(seen, environment.actions) if actions else StateTransition(seen)
    value = plain_value(environment.shape[0])
    discriminator = plain_discriminator((view.width + 1,), tuple(widths))  # and a mark of the end
    return GAIL(policy, value, discriminator, view, penalties=penalties, absorbing=True)
