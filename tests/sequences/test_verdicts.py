"""What another network thinks: draws by its odds, and its likelihood of the rest."""

import math

import pytest
import torch

from gan_ext.nets import LSTMGenerator
from gan_ext.sequences import LikelihoodToGo, draw_by_odds


class Odds(torch.nn.Module):
    def forward(self, tokens):
        return 2.0 * (tokens[:, 0] == 3)


def test_what_the_discriminator_thinks_is_real_is_drawn_by_its_odds():
    tokens = torch.arange(4000)[:, None] % 4  # four texts; the last is e^2 times likelier to be real
    state = torch.get_rng_state()
    drawn = [draw_by_odds(tokens, Odds(), 500, generator=torch.Generator().manual_seed(1)) for _ in range(2)]
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(*drawn)
    assert drawn[0].shape == (500, 1)
    share = (drawn[0] == 3).float().mean().item()
    assert share == pytest.approx(math.exp(2) / (3 + math.exp(2)), abs=0.1)  # a little less: without replacement
    assert (draw_by_odds(tokens, Odds(), 500, power=20.0) == 3).all()
    assert sorted(draw_by_odds(tokens[:5], Odds(), 5).flatten().tolist()) == [0, 0, 1, 2, 3]
    with pytest.raises(ValueError, match="n=6 must be from 1 to 5, the number of candidates"):
        draw_by_odds(tokens[:5], Odds(), 6)


def test_likelihood_to_go_is_of_the_rest_and_of_the_model_as_it_was():
    model, tokens = LSTMGenerator(5, 4, 3, 6, init=0.5), torch.tensor([[1, 2, 3, 4], [0, 0, 1, 1]])
    reward = LikelihoodToGo(model)
    found, steps = reward(tokens), model.log_prob(tokens)
    assert not found.requires_grad
    for t in range(4):
        torch.testing.assert_close(found[:, t], steps[:, t:].sum(1))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    assert torch.equal(reward(tokens), found)
