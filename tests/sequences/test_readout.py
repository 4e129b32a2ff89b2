"""Log-probabilities by one linear layer, in pieces: the plain formula, its gradient, impossible tokens."""

import pytest
import torch
from torch.autograd import gradcheck
from torch.nn.functional import linear

from gan_ext.gradients import all_sequences
from gan_ext.nets import LSTMGenerator, RelationalMemoryGenerator, TransformerGenerator
from gan_ext.sequences import IMPOSSIBLE, SequenceModel, chosen_log_prob, sharpen

B, T, H, V = 3, 4, 5, 7
SPECIALS = {"start": 2, "end": 3, "pad": 0, "start_is_a_token": False}


def problem(dtype=torch.float64):
    leaves = [torch.randn(*shape, dtype=dtype).requires_grad_() for shape in ((B, T, H), (V, H), (V,))]
    return leaves, torch.randint(V, (B, T))


def plain(states, weight, bias, tokens):
    return linear(states, weight, bias).log_softmax(-1).gather(-1, tokens[..., None])[..., 0]


@pytest.mark.parametrize("numbers", [1, V, 2 * V, 5 * V + 3, 400_000])
def test_log_probabilities_in_pieces_are_the_plain_formula(monkeypatch, numbers: int) -> None:
    monkeypatch.setattr("gan_ext.sequences.readout._NUMBERS", numbers)
    leaves, tokens = problem()
    found, wanted = chosen_log_prob(*leaves, tokens), plain(*leaves, tokens)
    torch.testing.assert_close(found, wanted)
    outer = torch.randn(B, T, dtype=torch.float64)
    torch.testing.assert_close(
        torch.autograd.grad((outer * found).sum(), leaves), torch.autograd.grad((outer * wanted).sum(), leaves)
    )


def test_log_probabilities_have_the_right_gradient() -> None:
    leaves, tokens = problem()
    assert gradcheck(lambda *each: chosen_log_prob(*each, tokens), leaves)


def test_log_probabilities_in_single_and_half_precision() -> None:
    leaves, tokens = problem(torch.float32)
    torch.testing.assert_close(chosen_log_prob(*leaves, tokens), plain(*leaves, tokens))
    with torch.autocast("cpu", torch.bfloat16):
        rough = chosen_log_prob(*leaves, tokens)
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough, plain(*leaves, tokens), rtol=0.05, atol=0.05)


MAKES = {
    "lstm": lambda **more: LSTMGenerator(5, 3, 4, 6, init=1.0, **more),
    "transformer": lambda **more: TransformerGenerator(5, 3, 8, layers=1, heads=2, **more),
    "memory": lambda **more: RelationalMemoryGenerator(5, 3, 4, heads=2, head_size=4, **more),
}


@pytest.mark.parametrize("name", MAKES)
@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0, 30.0, 1e5])
def test_log_probabilities_are_those_that_are_sampled(name: str, temperature: float) -> None:
    """At every temperature: the same as sharpened logits, summing to one, and what cannot come never comes."""
    model: SequenceModel = MAKES[name](**SPECIALS)
    tokens, valid = all_sequences(model)
    with torch.no_grad():
        found = model.log_prob(tokens, temperature=temperature)
        logits = sharpen(model(tokens).flatten(0, 1), temperature).view(len(tokens), 3, 5)
    wanted = logits.log_softmax(-1).gather(-1, tokens[..., None])[..., 0]
    real = (tokens == 3).cumsum(1) - (tokens == 3).long() == 0
    possible = (tokens != 0) & (tokens != 2)
    torch.testing.assert_close(found[real & possible], wanted[real & possible], rtol=1e-4, atol=1e-4)
    assert (found[~real] == 0).all()
    assert (found[real & ~possible] < IMPOSSIBLE / 2).all()
    assert found.double().sum(1).exp()[valid].sum().item() == pytest.approx(1, abs=1e-5)


def test_impossible_tokens_have_no_gradient() -> None:
    model = MAKES["lstm"](**SPECIALS)
    tokens = torch.tensor([[1, 4, 3], [4, 3, 0]])
    model.log_prob(tokens).sum().backward()
    assert (model.output.weight.grad[[0, 2]] == 0).all()
    assert (model.output.weight.grad[[1, 3, 4]] != 0).all()
