"""Averaged weights."""

import pytest
import torch
from torch import Tensor, nn

from gan_ext.engine.ema import ExponentialMovingAverage


class Module(nn.Module):
    """A parameter, a buffer, a counter, and one more name for the parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3))
        self.alias = self.weight
        self.register_buffer("mean", torch.randn(()))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        self.register_buffer("scratch", torch.zeros(2), persistent=False)
        self.mean: Tensor
        self.count: Tensor


@torch.no_grad()
def moved(module: Module) -> tuple[Tensor, Tensor]:
    module.weight.copy_(torch.randn(3))
    module.mean.copy_(torch.randn(()))
    module.count += 1
    return module.weight.detach().clone(), module.mean.clone()


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.999, 0.999999])
def test_one_update_gives_the_value_itself(decay: float) -> None:
    module = Module()
    average = ExponentialMovingAverage(module, decay)
    moved(module)
    average.update()
    for name, value in module.state_dict().items():
        assert torch.equal(average.module.state_dict()[name], value), name


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9, 0.999])
def test_updates_have_the_closed_form(decay: float) -> None:
    module = Module()
    average = ExponentialMovingAverage(module, decay)
    path = []
    for t in range(1, 21):
        path.append(moved(module))
        average.update()
        weights = torch.tensor([decay ** (t - i) for i in range(1, t + 1)], dtype=torch.float64)
        weights *= (1 - decay) / (1 - decay**t)
        assert weights.sum() == pytest.approx(1)
        for name, values in zip(("weight", "mean"), zip(*path, strict=True), strict=True):
            expected = torch.tensordot(weights, torch.stack(values).double(), 1)
            torch.testing.assert_close(getattr(average.module, name).double(), expected, rtol=1e-5, atol=1e-6)
        assert average.module.count == t
    assert average.updates == 20


def test_a_constant_stays_itself() -> None:
    module = Module()
    average = ExponentialMovingAverage(module, 0.99)
    for _ in range(50):
        average.update()
    assert torch.equal(average.module.weight, module.weight)


def test_the_average_is_apart_frozen_and_in_evaluation_mode() -> None:
    module = Module().train()
    average = ExponentialMovingAverage(module, 0.9)
    assert not average.module.training
    assert module.training
    assert not any(parameter.requires_grad for parameter in average.module.parameters())
    assert module.weight.requires_grad
    assert average.module.weight.data_ptr() != module.weight.data_ptr()


@pytest.mark.parametrize("decay", [-0.1, 1.0, 2.0, float("nan")])
def test_decay_is_a_share(decay: float) -> None:
    with pytest.raises(ValueError, match=r"ema must be in \[0, 1\)"):
        ExponentialMovingAverage(Module(), decay)
