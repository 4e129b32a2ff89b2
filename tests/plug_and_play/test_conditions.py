"""Conditions: what they say, where they pull, and what they refuse."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gan_ext import Compute
from gan_ext.latents import Categorical, Gaussian, Product
from gan_ext.nets.layers.linear import Output
from gan_ext.plug_and_play import (
    CaptionCondition,
    ClassCondition,
    CodeCondition,
    Condition,
    FlatPrior,
    KnownPixels,
    Langevin,
    Pasted,
    PlugAndPlay,
    UnitCondition,
)

CPU = Compute("cpu")


def slope(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    x = x.clone().requires_grad_()
    (found,) = torch.autograd.grad(function(x).sum(), x)
    return found


@pytest.fixture
def net() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(6, 4)


def test_a_class_is_the_logarithm_of_its_probability(net: nn.Linear) -> None:
    x = torch.randn(5, 6)
    condition = ClassCondition(net, [0, 1, 2, 3, 3])
    expected = net(x).softmax(1)[torch.arange(5), torch.tensor([0, 1, 2, 3, 3])].log()
    assert torch.allclose(condition.log_prob(x), expected)
    assert condition.chains == 5


def test_the_official_slope_is_the_wanted_summand_of_the_exact_one(net: nn.Linear) -> None:
    x, wanted = torch.randn(5, 6), 2
    condition = ClassCondition(net, wanted)
    chances = net(x).softmax(1).detach()
    official = (1 - chances[:, wanted : wanted + 1]) * net.weight[wanted].detach()
    others = sum(chances[:, k : k + 1] * net.weight[k].detach() for k in range(4) if k != wanted)
    assert torch.allclose(slope(condition.target_only, x), official, atol=1e-6)
    assert torch.allclose(slope(condition.log_prob, x), official - others, atol=1e-6)


def test_a_discriminator_with_classes_is_a_condition(net: nn.Linear) -> None:
    class Discriminator(nn.Module):
        def forward(self, x: Tensor) -> Output:
            return Output(net(x), x)

    x = torch.randn(3, 6)
    found = ClassCondition(Discriminator(), 1).log_prob(x)
    assert torch.equal(found, ClassCondition(net, 1).log_prob(x))


def test_a_unit_is_its_activation_or_that_of_its_map() -> None:
    x = torch.randn(4, 3, 5, 5)
    maps = nn.Conv2d(3, 2, 3)
    assert torch.allclose(UnitCondition(maps, 1, strength=3.0).log_prob(x), 3 * maps(x)[:, 1].mean((1, 2)), atol=1e-6)
    flat = nn.Sequential(nn.Flatten(), nn.Linear(75, 2))
    assert torch.allclose(UnitCondition(flat, [0, 1, 1, 0]).log_prob(x)[1:3], flat(x)[1:3, 1])


def test_known_pixels_are_a_gaussian_about_them() -> None:
    data, known = torch.randn(1, 2, 3), torch.tensor([[True, False, True], [False, False, True]])
    x = torch.randn(4, 1, 2, 3)
    expected = -sum((x[:, 0, i, j] - data[0, i, j]) ** 2 for i, j in ((0, 0), (0, 2), (1, 2))) / (2 * 0.25)
    condition = KnownPixels(data, known, sigma=0.5)
    assert torch.allclose(condition.log_prob(x), expected, atol=1e-5)
    assert slope(condition.log_prob, x)[:, 0, 0, 1].abs().max() == 0


def test_pasting_shows_the_known_and_pulls_in_the_hole_alone(net: nn.Linear) -> None:
    data, known = torch.randn(6), torch.tensor([True, True, False, False, True, False])
    x = torch.randn(3, 6)
    condition = Pasted(ClassCondition(net, 2), data, known)
    mixed = torch.where(known, data, x)
    assert torch.equal(condition.paste(x), mixed)
    assert torch.allclose(condition.log_prob(x), net(mixed).log_softmax(1)[:, 2])
    for way in (condition.log_prob, condition.target_only):
        found = slope(way, x)
        assert found[:, known].abs().max() == 0
        assert found[:, ~known].abs().min() > 0


def test_codes_are_what_their_reader_believes() -> None:
    codes = Product(kind=Categorical(3), slant=Gaussian(1))
    torch.manual_seed(0)
    reader = nn.Linear(6, codes.width)
    values, x = codes.sample(4), torch.randn(4, 6)
    found = CodeCondition(reader, codes, values).log_prob(x)
    assert torch.allclose(found, codes.log_posterior(reader(x), values))
    one = CodeCondition(reader, codes, values[0])
    assert one.chains is None
    assert torch.allclose(one.log_prob(x)[0], found[0])


def test_a_caption_is_the_sum_of_its_tokens_without_padding() -> None:
    table = torch.randn(6, 5)

    def captioner(x: Tensor, tokens: Tensor) -> Tensor:
        logits: Tensor = (x @ table)[:, None] + torch.arange(tokens.shape[1])[:, None]
        return logits

    x, tokens = torch.randn(2, 6), torch.tensor([[1, 2, 0], [4, 0, 0]])
    chances = (x @ table).log_softmax(1)
    expected = torch.stack([chances[0, 1] + chances[0, 2], chances[1, 4]])
    assert torch.allclose(CaptionCondition(captioner, tokens, padding=0).log_prob(x), expected, atol=1e-5)
    whole = torch.stack([chances[0, [1, 2, 0]].sum(), chances[1, [4, 0, 0]].sum()])
    assert torch.allclose(CaptionCondition(captioner, tokens).log_prob(x), whole, atol=1e-5)


def test_conditions_add_up_and_are_weighed(net: nn.Linear) -> None:
    x = torch.randn(5, 6)
    first, second = ClassCondition(net, 1), UnitCondition(net, [0, 1, 2, 3, 0])
    both = first + 0.5 * second
    assert both.chains == 5
    assert torch.allclose(both.log_prob(x), first.log_prob(x) + 0.5 * second.log_prob(x))
    assert torch.allclose(both.target_only(x), first.target_only(x) + 0.5 * second.log_prob(x))


def test_the_classifier_is_left_as_it_was() -> None:
    net = nn.Sequential(nn.Linear(6, 4), nn.Dropout(0.9))
    condition = ClassCondition(net, 1)
    x = torch.randn(3, 6)
    assert torch.equal(condition.log_prob(x), condition.log_prob(x))  # no dropout
    assert net.training
    assert all(parameter.requires_grad for parameter in net.parameters())


def test_chains_with_a_class_each_find_it(net: nn.Linear) -> None:
    wanted = torch.arange(4).repeat(3)
    sampler = Langevin(0.5, temperature=0.0)
    chains = PlugAndPlay(nn.Identity(), ClassCondition(net, wanted), FlatPrior(6), sampler, compute=CPU)
    assert torch.equal(net(chains.sample(12, steps=200, random_state=0).data).argmax(1), wanted)


MASK = torch.tensor([True, False, True, False, True, False])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda net: ClassCondition(net, 1.5), "classes=1.5"),
        (lambda net: ClassCondition(net, [-1]), "classes="),
        (lambda net: ClassCondition(net, []), "classes="),
        (lambda net: ClassCondition(net, 4).log_prob(torch.zeros(1, 6)), "classifier has 4 classes"),
        (lambda net: UnitCondition(net, "a"), "unit='a'"),
        (lambda net: UnitCondition(net, 9).log_prob(torch.zeros(1, 6)), "network has 4 units"),
        (lambda net: KnownPixels(torch.zeros(6), MASK, 0.0), "sigma=0.0"),
        (lambda net: KnownPixels(torch.zeros(6), ~MASK & MASK), "know one at least"),
        (lambda net: Pasted(ClassCondition(net, 1), torch.zeros(6), MASK[:4]), "known has shape"),
        (lambda net: CodeCondition(net, Product(a=Gaussian(2)), torch.zeros(3)), "vectors of 2"),
        (lambda net: CaptionCondition(net, torch.zeros(3)), "tokens must be whole numbers"),
        (lambda net: ClassCondition(net, [1, 2]) + ClassCondition(net, [1, 2, 3]), "give each as many"),
        (lambda net: -1.0 * ClassCondition(net, 1), "strength must be at least 0"),
        (lambda net: ClassCondition(lambda x: x, 1), "must be a torch module"),
        (lambda net: ClassCondition(nn.Linear(6, 1), 0).log_prob(torch.zeros(2, 6)), r"must return logits \[n, K\]"),
        (lambda net: KnownPixels(torch.zeros(6), torch.arange(6)), "by True and False"),
        (lambda net: KnownPixels(torch.zeros(1, 6, 6), MASK).log_prob(torch.zeros(2, 3, 6, 6)), "chains hold samples"),
        (lambda net: Pasted(net, torch.zeros(6), MASK), "condition="),
        (lambda net: CaptionCondition(lambda x, t: torch.zeros(2, 1, 3), [5]).log_prob(torch.zeros(2, 6)), "captioner"),
    ],
)
def test_bad_arguments_are_named(net: nn.Linear, make: Callable[[nn.Linear], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(net)


def test_what_a_condition_says_is_checked(net: nn.Linear) -> None:
    class Wrong(Condition):
        def __init__(self, say: Callable[[Tensor], Tensor]) -> None:
            self.say = say

        def log_prob(self, x: Tensor) -> Tensor:
            return self.say(x)

    for say, message in (
        (lambda x: x.sum(), "one number for each"),
        (lambda x: x.sum(1, keepdim=True), "one number for each"),
        (lambda x: x.detach().sum(1), "has a slope"),
        (lambda x: x.sum(1) * torch.nan, "NaN before the first step"),
    ):
        chains = PlugAndPlay(nn.Identity(), Wrong(say), FlatPrior(6), compute=CPU)
        with pytest.raises(ValueError, match=message):
            chains.sample(4, steps=3)


def test_conditions_can_be_summed_and_take_arrays(net: nn.Linear) -> None:
    x = torch.randn(3, 6)
    both = sum([ClassCondition(net, 1), ClassCondition(net, 2)])
    assert isinstance(both, Condition)
    assert torch.allclose(both.log_prob(x), net(x).log_softmax(1)[:, 1:3].sum(1))
    known = KnownPixels(np.zeros(6), MASK.numpy())  # type: ignore[arg-type]
    assert torch.allclose(known.log_prob(x), KnownPixels(torch.zeros(6), MASK).log_prob(x))
