"""LeakGAN's generator: its equations, and that it sees the discriminator's features of the prefix and nothing more."""

import copy

import pytest
import torch
from torch import Tensor, nn

from gan_ext.gradients import all_sequences
from gan_ext.nets import CNNDiscriminator, LeakyGenerator
from gan_ext.sequences import IMPOSSIBLE, sample

V, T, F = 6, 5, 4
SPECIALS = {"start": 2, "end": 3, "pad": 0, "start_is_a_token": False}


class Counts:
    """Features by hand: how often tokens 1 to 4 occur; and all that was asked."""

    def __init__(self) -> None:
        self.asked: list[Tensor] = []

    def __call__(self, tokens: Tensor) -> Tensor:
        self.asked.append(tokens)
        return torch.stack([(tokens == token).sum(1).float() for token in (1, 2, 3, 4)], 1)


def generator(leak=None, **more) -> LeakyGenerator:
    model = LeakyGenerator(V, T, leak or Counts(), F, 3, 5, 2, horizon=2, **more)
    for parameter in model.parameters():
        nn.init.normal_(parameter, 0.0, 0.7)
    return model


def test_it_reads_the_features_of_the_padded_prefix() -> None:
    leak = Counts()
    model, tokens = generator(leak, **SPECIALS), torch.tensor([[1, 4, 4, 3, 0], [4, 1, 1, 1, 5]])
    trace = model.trace(tokens)
    for t, asked in enumerate(leak.asked):
        assert torch.equal(asked[:, :t], tokens[:, :t])
        assert (asked[:, t:] == model.pad).all()
        assert asked.shape == (2, T)
    assert len(leak.asked) == T
    assert trace.features[1].tolist() == [[0, 0, 0, 0], [0, 0, 0, 1], [1, 0, 0, 1], [2, 0, 0, 1], [3, 0, 0, 1]]
    torch.testing.assert_close(trace.goals.norm(dim=-1), torch.ones(2, T))


def test_a_trace_is_its_equations() -> None:
    model, tokens = generator(), torch.randint(V, (3, T))
    trace = model.trace(tokens)
    manager, worker, goals = (torch.zeros(3, 5),) * 2, (torch.zeros(3, 5),) * 2, []
    previous = torch.zeros(3, dtype=torch.int64)
    for t in range(T):
        manager = model.manager.cell(trace.features[:, t], manager)
        raw = model.manager.goal(manager[0])
        goals.append(raw / raw.norm(dim=1, keepdim=True))
        worker = model.worker.cell(model.worker.embedding(previous), worker)
        actions = model.worker.actions(worker[0]).view(3, V, 2)
        followed = (goals[-1] + goals[-2] if t else goals[-1]) @ model.worker.project.weight.T
        torch.testing.assert_close(trace.logits[:, t], torch.einsum("bvk,bk->bv", actions, followed))
        previous = tokens[:, t]
    torch.testing.assert_close(trace.goals, torch.stack(goals, 1))


@pytest.mark.parametrize("specials", [{}, SPECIALS], ids=["plain", "end"])
def test_trace_forward_and_probabilities_agree(specials: dict) -> None:
    model = generator(**specials)
    tokens = sample(model, 6)
    logits = model.trace(tokens).logits
    torch.testing.assert_close(model(tokens), logits)
    torch.testing.assert_close(model.trace(tokens[:, :3]).logits, logits[:, :3])
    small = LeakyGenerator(4, 3, Counts(), F, 3, 5, 2, start=2, end=3, pad=0, start_is_a_token=False)
    everything, valid = all_sequences(small)
    total = small.log_prob(everything).double().sum(1).exp()[valid].sum()
    assert total.item() == pytest.approx(1, abs=1e-5)


def test_what_cannot_come_does_not() -> None:
    model = generator(**SPECIALS)
    assert (model.trace(torch.ones(2, T, dtype=torch.int64)).logits[..., [0, 2]] < IMPOSSIBLE / 2).all()
    assert not (sample(model, 200) == 2).any()


def test_gradients_reach_manager_and_worker_but_not_the_discriminator() -> None:
    judge = CNNDiscriminator(V, (1, 2), (2, 2), embedding=3)
    model = generator(judge.features)
    model.log_prob(torch.randint(V, (4, T))).sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in model.parameters())
    assert all(parameter.grad is None for parameter in judge.parameters())
    assert not {id(parameter) for parameter in judge.parameters()} & {id(parameter) for parameter in model.parameters()}


def test_a_copy_leaks_from_a_copy_until_it_is_told_otherwise() -> None:
    judge = CNNDiscriminator(V, (1, 2), (2, 2), embedding=3)
    model, tokens = generator(judge.features), torch.randint(V, (4, T))
    other = copy.deepcopy(model)
    before = model(tokens)
    with torch.no_grad():
        judge.embedding.weight.add_(1.0)
    torch.testing.assert_close(other(tokens), before)
    assert not torch.allclose(model(tokens), before)
    other.leak_from(judge.features)
    torch.testing.assert_close(other(tokens), model(tokens))


def test_it_refuses_rows_and_labels() -> None:
    model = generator()
    with pytest.raises(ValueError, match="LeakyGenerator reads drawn tokens only"):
        model.step(torch.rand(2, V), model.initial(2))
    with pytest.raises(ValueError, match="This model needs no labels"):
        model.initial(2, torch.zeros(2, dtype=torch.int64))
