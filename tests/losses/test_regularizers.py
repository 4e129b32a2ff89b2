"""Penalties as objects: linear discriminators, whose slopes are known, and averages by hand."""

import pytest
import torch
from torch import Tensor, nn

from gan_ext.losses import (
    DRAGAN,
    R1,
    R2,
    WGANGP,
    ConsistencyRegularization,
    HistoricalAveraging,
    Judged,
    LeCam,
    Penalty,
    consistency_penalty,
    dragan_penalty,
    input_gradient,
    lecam_penalty,
    pack,
    squared_slope,
    unpack,
    values_and_input_gradient,
)


def linear(weight: Tensor) -> Judged:
    real, fake = torch.randn(2, 6, len(weight))

    def discriminator(x: Tensor) -> Tensor:
        return x @ weight

    return Judged(discriminator, real, fake, discriminator(real), discriminator(fake))


@pytest.mark.parametrize("make", [R1, R2])
def test_r1_and_r2_of_a_linear_function_are_half_its_squared_slope(make: type[Penalty]) -> None:
    penalty, judged = make(3.0), linear(torch.tensor([3.0, 4.0]))
    assert penalty.measure(judged).item() == pytest.approx(25)
    assert penalty(judged).item() == pytest.approx(3.0 / 2 * 25)


def test_r1_looks_at_real_data_and_r2_at_generated() -> None:
    """f = |x|^2/2 has the gradient x."""
    real, fake = torch.randn(2, 6, 3)
    judged = Judged(lambda x: x.square().sum(1) / 2, real, fake, torch.zeros(6), torch.zeros(6))
    torch.testing.assert_close(R1(1.0).measure(judged), real.square().sum(1).mean())
    torch.testing.assert_close(R2(1.0).measure(judged), fake.square().sum(1).mean())
    given = judged._replace(real_gradient=2 * real, fake_gradient=3 * fake)
    torch.testing.assert_close(R1(1.0).measure(given), 4 * real.square().sum(1).mean())
    torch.testing.assert_close(R2(1.0).measure(given), 9 * fake.square().sum(1).mean())


@pytest.mark.parametrize("make", [WGANGP, DRAGAN])
def test_slopes_of_one_cost_nothing_and_others_their_distance(make: type[WGANGP] | type[DRAGAN]) -> None:
    direction = torch.tensor([0.6, 0.8])
    assert make()(linear(direction)).item() == pytest.approx(0, abs=1e-10)
    assert make()(linear(3 * direction)).item() == pytest.approx(40, rel=1e-5)
    assert make(2.0)(linear(0 * direction)).item() == pytest.approx(2)


def test_dragan_looks_near_real_data() -> None:
    """f = |x|^2/2 has the slope |x|."""
    real, noise = torch.randn(2, 5, 3)
    penalty = dragan_penalty(lambda x: x.square().sum(1) / 2, real, noise)
    torch.testing.assert_close(penalty, ((real + noise).norm(dim=1) - 1).square().mean())


def test_the_noise_of_dragan_is_in_units_of_the_data() -> None:
    seen: list[Tensor] = []

    def discriminator(x: Tensor) -> Tensor:
        seen.append(x)
        return x.sum(1)

    real = torch.randn(2000, 2) * 7 + 100
    DRAGAN(spread=0.5).measure(Judged(discriminator, real, real, real[:, 0], real[:, 0]))
    shift = torch.func.debug_unwrap(seen[0], recurse=True) - real
    assert shift.std().item() == pytest.approx(3.5, rel=0.05)
    assert shift.mean().item() == pytest.approx(0, abs=0.3)


def test_values_and_gradients_come_from_one_pass() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1), nn.Flatten(0))
    x = torch.randn(5, 3)
    values, gradient = values_and_input_gradient(net, x)
    torch.testing.assert_close(values, net(x))
    torch.testing.assert_close(gradient, input_gradient(net, x))
    weights = list(net.parameters())
    ours = torch.autograd.grad(values.square().sum() + squared_slope(gradient), weights)
    theirs = torch.autograd.grad(net(x).square().sum() + squared_slope(input_gradient(net, x)), weights)
    torch.testing.assert_close(ours, theirs)


def test_lecam_is_zero_where_each_side_is_at_the_others_average() -> None:
    ones = torch.ones(4)
    assert lecam_penalty(2 * ones, -3 * ones, torch.tensor(-3.0), torch.tensor(2.0)) == 0
    assert lecam_penalty(2 * ones, -3 * ones, torch.tensor(2.0), torch.tensor(-3.0)) == 50


def test_lecam_with_equal_anchors_is_the_spread_around_them() -> None:
    real, fake = torch.randn(2, 64)
    anchor = torch.tensor(0.25)
    expected = (real - 0.25).square().mean() + (fake - 0.25).square().mean()
    torch.testing.assert_close(lecam_penalty(real, fake, anchor, anchor), expected)


def test_the_anchors_of_lecam_are_corrected_averages() -> None:
    lecam, decay = LeCam(0.5, decay=0.9), 0.9
    steps = [(1.0, -1.0), (2.0, 0.5), (4.0, 3.0)]
    for real, fake in steps:
        judged = Judged(nn.Identity(), torch.zeros(2), torch.zeros(2), torch.full((2,), real), torch.full((2,), fake))
        value = lecam(judged)
    weights = torch.tensor([decay**2, decay, 1.0]) * (1 - decay) / (1 - decay**3)
    for_real, for_fake = (weights @ torch.tensor(steps)).tolist()
    assert lecam.anchors.get_buffer("real").item() == pytest.approx(for_real, rel=1e-5)
    assert lecam.anchors.get_buffer("fake").item() == pytest.approx(for_fake, rel=1e-5)
    assert value.item() == pytest.approx(0.5 * ((4 - for_fake) ** 2 + (3 - for_real) ** 2), rel=1e-5)
    before = {name: buffer.clone() for name, buffer in lecam.named_buffers()}
    assert lecam.eval()(judged) == value
    torch.testing.assert_close(dict(lecam.named_buffers()), before, rtol=0, atol=0)


def test_the_gradient_of_lecam_goes_into_the_logits_only() -> None:
    lecam, real, fake = LeCam(1.0), torch.randn(4, requires_grad=True), torch.randn(4, requires_grad=True)
    value = lecam(Judged(nn.Identity(), torch.zeros(4), torch.zeros(4), real, fake))
    gradients = torch.autograd.grad(value, (real, fake))
    torch.testing.assert_close(gradients[0], (real - fake.mean()).detach() / 2)
    torch.testing.assert_close(gradients[1], (fake - real.mean()).detach() / 2)


def test_consistency_is_the_change_of_the_logits() -> None:
    """A shift by 1 changes a linear score by the sum of its weights."""
    judged = linear(torch.tensor([1.0, 2.0]))
    both, real = (ConsistencyRegularization(lambda x: x + 1, 10.0, fake) for fake in (True, False))
    assert both(judged).item() == pytest.approx(2 * 10 * 9, rel=1e-5)
    assert real(judged).item() == pytest.approx(10 * 9, rel=1e-5)
    assert ConsistencyRegularization(lambda x: x)(judged) == 0
    assert consistency_penalty(torch.tensor([1.0, 3.0]), torch.tensor([1.0, 1.0])) == 2


def test_consistency_transforms_each_of_the_packed_samples() -> None:
    seen: list[torch.Size] = []

    def transform(x: Tensor) -> Tensor:
        seen.append(x.shape)
        return x.flip(-1)

    packed = torch.randn(3, 4, 5, 5)
    judged = Judged(lambda x: x.mean((1, 2, 3)), packed, packed, packed.mean((1, 2, 3)), torch.zeros(3), packing=2)
    penalty = ConsistencyRegularization(transform, fake=False)
    assert penalty(judged).item() == pytest.approx(0, abs=1e-10)
    assert seen == [torch.Size([6, 2, 5, 5])]


@pytest.mark.parametrize("shape", [(12,), (12, 2), (12, 3, 4, 4)])
def test_packing_joins_neighbors_and_can_be_undone(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape)
    packed = pack(x, 3)
    assert packed.shape == (4, 3 * (shape[1] if len(shape) > 1 else 1), *shape[2:])
    torch.testing.assert_close(packed[0].flatten(), x[:3].flatten())
    torch.testing.assert_close(unpack(packed, 3).reshape(shape), x)
    assert pack(x, 1) is x


@pytest.mark.parametrize(("batch", "samples"), [(7, 2), (4, 0)])
def test_a_batch_that_cannot_be_packed_is_refused(batch: int, samples: int) -> None:
    with pytest.raises(ValueError, match=f"packing joins {samples} samples in one, .* a batch of {batch}"):
        pack(torch.zeros(batch, 2), samples)


def test_historical_averaging_is_the_distance_from_the_mean_so_far() -> None:
    net = nn.Linear(1, 1, bias=False)
    averaging = HistoricalAveraging(2.0)
    averaging.attach(net)
    values, distances = [1.0, 4.0, -2.0], []
    for value in values:
        with torch.no_grad():
            net.weight.fill_(value)
        loss = averaging(net)
        distances.append(loss.item())
    assert distances == pytest.approx([0.0, 2 * 1.5**2, 2 * 3.0**2])
    (gradient,) = torch.autograd.grad(loss, net.weight)
    assert gradient.item() == pytest.approx(2 * 2 * -3.0)  # towards the mean, which is held


def test_a_moving_average_forgets() -> None:
    net = nn.Linear(1, 1, bias=False)
    averaging = HistoricalAveraging(1.0, decay=0.5)
    averaging.attach(net)
    for value in (1.0, 4.0):
        with torch.no_grad():
            net.weight.fill_(value)
        distance = averaging.measure(net)
    assert distance.item() == pytest.approx((4 - (1 / 3 * 1 + 2 / 3 * 4)) ** 2, rel=1e-5)


def test_averages_belong_to_one_network() -> None:
    averaging = HistoricalAveraging(1.0)
    averaging.attach(nn.Linear(1, 1))
    with pytest.raises(ValueError, match="make one for each player"):
        averaging.attach(nn.Linear(1, 1))


@pytest.mark.parametrize("make", [R1, R2, WGANGP, DRAGAN, LeCam, HistoricalAveraging])
def test_negative_weights_are_refused(make: type[nn.Module]) -> None:
    with pytest.raises(ValueError, match=f"{make.__name__} needs weight >= 0, got -1"):
        make(-1.0)


def test_settings_without_meaning_are_refused() -> None:
    with pytest.raises(ValueError, match=r"decay must be in \[0, 1\), got 1.0"):
        LeCam(decay=1.0)
    with pytest.raises(ValueError, match=r"decay must be in \[0, 1\), got 1.5"):
        HistoricalAveraging(1.0, 1.5)
    with pytest.raises(ValueError, match="DRAGAN needs spread > 0, got 0"):
        DRAGAN(spread=0)


@pytest.mark.parametrize("penalty", [R1(1.0), R2(1.0), WGANGP(), DRAGAN()], ids=lambda penalty: penalty.name)
def test_gradient_penalties_are_float32_under_autocast(penalty: Penalty) -> None:
    """A slope that bfloat16 rounds by far more than float32 does."""
    weight = torch.tensor([1.2345678, 0.7654321])
    x = torch.randn(4, 2)
    judged = Judged(lambda x: (x @ weight[:, None])[:, 0], x, x, torch.zeros(4), torch.zeros(4))
    expected = penalty.measure(judged)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(penalty.measure(judged), expected)
