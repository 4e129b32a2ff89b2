"""Networks that are told a class: what the class changes, and what it does not."""

import copy
import pickle

import pytest
import torch
from torch import Tensor, nn

from gan_ext.nets import (
    ClassifyingDiscriminator,
    ConcatenatedGenerator,
    ConcatenationDiscriminator,
    ConditionalBatchNorm,
    ProjectionDiscriminator,
    conv_conditional_generator,
    conv_generator,
    conv_trunk,
    fix_spectral_norms,
    mlp_conditional_generator,
    mlp_generator,
    mlp_trunk,
    projection_pair,
)

K = 4
Y = torch.tensor([0, 3, 1, 1, 2, 0])


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 3, 2)])
def test_conditional_normalization_with_equal_gains_is_batch_normalization(shape: tuple[int, ...]) -> None:
    conditional, plain = ConditionalBatchNorm(5, K), (nn.BatchNorm1d if len(shape) == 2 else nn.BatchNorm2d)(5)
    gain, shift = torch.randn(5), torch.randn(5)
    with torch.no_grad():
        for layer in (conditional, plain):
            (layer.gain if layer is conditional else layer.weight).copy_(gain)
            (layer.shift if layer is conditional else layer.bias).copy_(shift)
    h = torch.randn(shape) * 3 + 1
    torch.testing.assert_close(conditional(h, Y), plain(h))
    for layer in (conditional, plain):
        layer.eval()
    torch.testing.assert_close(conditional(h, Y), plain(h))  # running statistics are the same too


def test_conditional_normalization_gives_each_sample_the_gain_of_its_class() -> None:
    layer = ConditionalBatchNorm(5, K)
    with torch.no_grad():
        layer.gain.normal_()
        layer.shift.normal_()
    h = torch.randn(6, 5)
    normal = nn.functional.batch_norm(h, None, None, training=True)
    torch.testing.assert_close(layer(h, Y), layer.gain[Y] * normal + layer.shift[Y])


@pytest.mark.parametrize("spectral", [False, True])
def test_the_projections_logits_differ_by_the_embeddings_product_with_the_features(spectral: bool) -> None:
    """D(x, y) - D(x, y') = <e_y - e_y', f(x)>."""
    net = ProjectionDiscriminator(mlp_trunk((7,), (8, 5), spectral=spectral), 5, K, spectral).eval()
    x, other = torch.randn(6, 7), (Y + 1) % K
    embedding = net.embedding.weight
    expected = ((embedding[Y] - embedding[other]) * net.trunk(x)).sum(1)
    torch.testing.assert_close(net(x, Y) - net(x, other), expected)


def test_every_class_at_once_is_one_class_after_the_other() -> None:
    net = ProjectionDiscriminator(nn.Sequential(nn.Linear(3, 8), nn.Tanh()), 8, 4)
    x = torch.randn(5, 3)
    one_by_one = torch.stack([net(x, torch.full((5,), kind)) for kind in range(4)], dim=1)
    torch.testing.assert_close(net.every_class(x), one_by_one)


@pytest.mark.parametrize("shape", [(5,), (2, 4, 8)])
def test_concatenation_appends_the_class_as_columns_or_constant_channels(shape: tuple[int, ...]) -> None:
    seen: list[Tensor] = []

    class Look(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(x)
            return x.flatten(1)[:, :1]

    x = torch.randn(6, *shape)
    logits = ConcatenationDiscriminator(Look(), K)(x, Y)
    assert logits.shape == (6,)
    assert torch.equal(seen[0][:, : shape[0]], x)
    marks = seen[0][:, shape[0] :].flatten(2) if len(shape) > 1 else seen[0][:, shape[0] :, None]
    assert torch.equal(marks, nn.functional.one_hot(Y, K).float()[:, :, None].expand_as(marks))


def test_a_classifying_discriminator_has_both_heads_on_one_trunk() -> None:
    net = ClassifyingDiscriminator(mlp_trunk((7,), (8, 5)), 5, 2 * K)
    judged = net(torch.randn(6, 7))
    assert (judged.logits.shape, judged.classes.shape) == ((6,), (6, 2 * K))
    for head in judged:
        assert torch.autograd.grad(head.sum(), net.trunk[2].weight, retain_graph=True)[0].any()


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: conv_conditional_generator((3, 8, 12), 5, K, channels=8), (3, 8, 12)),
        (lambda: mlp_conditional_generator((7,), 5, K, (8,)), (7,)),
        (lambda: ConcatenatedGenerator(conv_generator((1, 8, 8), 5 + K, channels=8), K), (1, 8, 8)),
        (lambda: ConcatenatedGenerator(mlp_generator((7,), 5 + K, (8,)), K), (7,)),
    ],
)
def test_generators_make_samples_that_depend_on_class_and_noise(make, shape) -> None:  # type: ignore[no-untyped-def]
    net = make()
    for layer in net.modules():
        if isinstance(layer, ConditionalBatchNorm):  # classes start alike
            nn.init.normal_(layer.gain)
    net.eval()
    z = torch.randn(6, 5)
    made = net(z, Y)
    assert made.shape == (6, *shape)
    assert not torch.allclose(made, net(z, (Y + 1) % K))
    assert not torch.allclose(made, net(z.flip(0), Y))
    torch.testing.assert_close(made[1:2], net(z[1:2], Y[1:2]))  # no sample sees another


def test_spectral_norms_are_fixed_at_the_weights_they_stand_for() -> None:
    net = ProjectionDiscriminator(conv_trunk((1, 8, 8), 4, 6, spectral=True), 6, K, True)
    x = torch.randn(6, 1, 8, 8)
    for _ in range(50):
        net(x, Y)
    net.eval()
    expected, plain = net(x, Y), copy.deepcopy(net)
    with pytest.raises(RuntimeError, match="Serialization of parametrized modules"):
        pickle.dumps(net)
    fix_spectral_norms(plain, steps=50)
    torch.testing.assert_close(pickle.loads(pickle.dumps(plain))(x, Y), expected, rtol=1e-4, atol=1e-5)
    norms = [
        torch.linalg.matrix_norm(layer.weight.flatten(1), 2) for layer in plain.modules() if hasattr(layer, "weight")
    ]
    torch.testing.assert_close(torch.stack(norms), torch.ones(len(norms)), rtol=1e-3, atol=0)


def test_a_projection_pair_fits_together_and_knows_the_class() -> None:
    generator, discriminator = projection_pair((3, 16, 8), 5, K, channels=16, output=nn.Tanh())
    z = torch.randn(6, 5)
    images = generator(z, Y)
    assert images.shape == (6, 3, 16, 8)
    assert images.abs().max() <= 1
    scores = discriminator(images, Y)
    assert scores.shape == (6,)
    assert not torch.equal(scores, discriminator(images, (Y + 1) % K))
