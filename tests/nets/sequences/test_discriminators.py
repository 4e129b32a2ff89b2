"""Discriminators of sequences: the published formulas, shared prefixes, masks, causality, classes."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from gan_ext.nets import (
    LEAKGAN_SIZES,
    SEQGAN_SIZES,
    TEXYGEN_SIZES,
    CNNDiscriminator,
    MultiRepresentationDiscriminator,
    RecurrentDiscriminator,
    SequenceDiscriminator,
    TransformerDiscriminator,
)

V, T, END = 11, 6, 3

Make = Callable[..., SequenceDiscriminator]


def cnn(**more) -> CNNDiscriminator:
    return CNNDiscriminator(V, (1, 2, 4, 9), (3, 4, 2, 5), embedding=5, **more)


def many(**more) -> MultiRepresentationDiscriminator:
    return MultiRepresentationDiscriminator(V, 4, (2, 3), (5, 6), embedding=8, hidden=7, **more)


def recurrent(**more) -> RecurrentDiscriminator:
    return RecurrentDiscriminator(V, 5, 8, 4, **more)


def transformer(**more) -> TransformerDiscriminator:
    return TransformerDiscriminator(V, T, 8, 2, 2, **more)


def every_step(make: Make) -> Make:
    return lambda **more: make(per_step=True, **more)


MAKES = [cnn, many, recurrent, transformer, every_step(recurrent), every_step(transformer)]
CONDITIONAL = [cnn, recurrent, transformer, every_step(recurrent), every_step(transformer)]


def lively(net: SequenceDiscriminator) -> SequenceDiscriminator:
    """Give all parameters sizes at which an error would show, and double precision."""
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, 0.0, 0.5)
    return net.double().eval()


def draw(*shape: int) -> Tensor:
    return torch.randint(V, shape)


@pytest.mark.parametrize("make", MAKES)
def test_rows_of_one_hot_give_what_token_numbers_give(make: Make) -> None:
    net, tokens = lively(make()), draw(7, T)
    rows = F.one_hot(tokens, V).double().requires_grad_()
    logits = net(rows)
    torch.testing.assert_close(logits, net(tokens))
    assert logits.shape[0] == 7
    logits.sum().backward()
    assert rows.grad.abs().sum() > 0
    slope = rows.grad[0, 2] @ (F.one_hot(torch.tensor(4), V) - rows.detach()[0, 2])
    step = rows.detach().clone()
    step[0, 2] = torch.lerp(step[0, 2], F.one_hot(torch.tensor(4), V).double(), 1e-6)
    torch.testing.assert_close((net(step) - net(tokens)).sum() / 1e-6, slope, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("make", MAKES)
def test_sequences_do_not_see_each_other(make: Make) -> None:
    net, tokens = lively(make()), draw(5, T)
    torch.testing.assert_close(torch.cat([net(one[None]) for one in tokens]), net(tokens))


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("shared", range(T + 1))
@pytest.mark.parametrize("gradients", [False, True])
def test_groups_are_scored_as_their_sequences(make: Make, shared: int, gradients: bool, monkeypatch) -> None:
    monkeypatch.setattr("gan_ext.nets.sequences.discriminators._ROWS", 8)  # pieces of two groups, and one left over
    net, tokens = lively(make()), draw(5, 4, T)
    tokens[..., :shared] = tokens[:, :1, :shared]
    with torch.set_grad_enabled(gradients):
        together, alone = net.grouped(tokens, shared), net(tokens.flatten(0, 1))
    torch.testing.assert_close(together, alone.view(together.shape), rtol=1e-9, atol=1e-9)
    assert together.shape[:2] == (5, 4)
    rows = net.grouped(F.one_hot(tokens, V).double(), shared)
    torch.testing.assert_close(rows, together, rtol=1e-9, atol=1e-9)
    if gradients:
        parameters = [parameter for parameter in net.parameters() if parameter.requires_grad]
        got = torch.autograd.grad(together.square().sum(), parameters)
        wanted = torch.autograd.grad(alone.square().sum(), parameters)
        for a, b in zip(got, wanted, strict=True):
            torch.testing.assert_close(a, b)


def test_published_groups_are_scored_to_single_precision() -> None:
    net = CNNDiscriminator(50).eval()
    tokens = torch.randint(50, (3, 4, 20))
    with torch.no_grad():
        for shared in (0, 1, 7, 15, 19, 20):
            tokens[..., :shared] = tokens[:, :1, :shared]
            alone = net(tokens.flatten(0, 1)).view(3, 4)
            torch.testing.assert_close(net.grouped(tokens, shared), alone, rtol=0, atol=1e-5)


def test_the_common_prefix_is_read_from_the_first_of_a_group() -> None:
    """What later sequences hold inside the common prefix is not looked at, where all windows lie inside."""
    net, tokens = lively(CNNDiscriminator(V, (1, 2), (3, 4), embedding=5)), draw(2, 3, T)
    tokens[..., :4] = tokens[:, :1, :4]
    logits = net.grouped(tokens, 4)
    tokens[:, 1:, :3] = 0  # position 3 is still read, by the window that leaves the prefix
    torch.testing.assert_close(net.grouped(tokens, 4), logits)


@pytest.mark.parametrize("make", CONDITIONAL)
def test_classes_add_a_projection(make: Make) -> None:
    net, tokens, labels = lively(make(classes=3)), draw(6, T), torch.tensor([0, 1, 2, 2, 1, 0])
    features = net.features(tokens)
    meaning = net.label.weight[labels]
    meaning = meaning[:, None] if features.dim() == 3 else meaning
    wanted = net.output(features)[..., 0] + (features * meaning).sum(-1)
    torch.testing.assert_close(net(tokens, labels), wanted)
    grouped = net.grouped(tokens.view(2, 3, T), 0, labels.view(2, 3))
    torch.testing.assert_close(grouped.flatten(0, 1), wanted)
    with pytest.raises(ValueError, match="This discriminator needs labels, numbers 0 to 2"):
        net(tokens)
    with pytest.raises(ValueError, match=r"labels must have shape \(6,\), got \(5,\)"):
        net(tokens, labels[:5])
    with pytest.raises(ValueError, match="needs no labels: it has no classes"):
        make()(tokens, labels)


@pytest.mark.parametrize("make", [recurrent, transformer])
@pytest.mark.parametrize("rows", [False, True])
def test_what_follows_the_end_does_not_matter(make: Make, rows: bool) -> None:
    net = lively(make(end=END))
    tokens = torch.tensor([[5, 6, END, 0, 0, 0], [END, 0, 0, 0, 0, 0], [5, 6, 7, 8, 9, END], [5, 6, 7, 8, 9, 10]])
    other = tokens.clone()
    other[0, 3:], other[1, 1:] = torch.tensor([9, END, 8]), torch.tensor([1, 2, 3, 4, 5])
    as_input = (lambda x: F.one_hot(x, V).double()) if rows else (lambda x: x)
    torch.testing.assert_close(net(as_input(other)), net(as_input(tokens)))
    torch.testing.assert_close(net(as_input(tokens[:1, :3])), net(as_input(tokens[:1])))  # as if it were short
    moved = tokens.clone()
    moved[0, 1] = 7
    assert not torch.allclose(net(as_input(moved))[0], net(as_input(tokens))[0])


@pytest.mark.parametrize("make", [recurrent, transformer])
def test_logits_of_steps_depend_on_no_later_token(make: Make) -> None:
    net, tokens = lively(make(per_step=True)), draw(3, T)
    logits = net(tokens)
    assert logits.shape == (3, T)
    for position in range(T):
        other = tokens.clone()
        other[:, position] = (other[:, position] + 1) % V
        changed = net(other) != logits
        assert not changed[:, :position].any()
        assert changed[:, position:].all()


@pytest.mark.parametrize("make", [recurrent, transformer, cnn, many])
def test_logits_of_sequences_depend_on_every_token(make: Make) -> None:
    if make is cnn:  # a maximum need not change: let every filter add up the whole sequence
        net = lively(CNNDiscriminator(V, (T,), (9,), embedding=5))
    elif make is many:
        net = lively(MultiRepresentationDiscriminator(V, 4, (T,), (9,), embedding=8))
    else:
        net = lively(make())
    tokens = draw(3, T)
    for position in range(T):
        other = tokens.clone()
        other[:, position] = (other[:, position] + 1) % V
        assert (net(other) != net(tokens)).all()


def test_steps_end_where_sequences_do() -> None:
    """The recurrent logit of a sequence is that of its last real step."""
    torch.manual_seed(1)
    steps = lively(recurrent(per_step=True, end=END))
    whole = recurrent(end=END).double().eval()
    whole.load_state_dict(steps.state_dict())
    tokens = torch.tensor([[5, 6, END, 0, 0, 0], [END, 0, 0, 0, 0, 0], [5, 6, 7, 8, 9, 10]])
    torch.testing.assert_close(whole(tokens), steps(tokens)[torch.arange(3), torch.tensor([2, 0, 5])])


def test_cnn_follows_its_published_formula() -> None:
    net, tokens = lively(cnn()), draw(7, T)
    embedded = net.embedding(tokens)
    pooled = [
        F.conv1d(embedded.transpose(1, 2), weight[:, :T].transpose(1, 2), bias).relu().amax(-1)
        for weight, bias in zip(net.filters, net.bias.split([3, 4, 2, 5]), strict=True)
    ]
    p = torch.cat(pooled, 1)
    gate, transform = net.highway.maps(p).chunk(2, 1)
    features = torch.sigmoid(gate) * transform.relu() + (1 - torch.sigmoid(gate)) * p
    torch.testing.assert_close(net.features(tokens), features)
    torch.testing.assert_close(net(tokens), features @ net.output.weight[0] + net.output.bias)


def test_a_width_beyond_the_sequence_sees_zeros_after_it() -> None:
    net, tokens = lively(CNNDiscriminator(V, (4,), (3,), embedding=5)), draw(7, 2)
    padded = F.pad(net.embedding(tokens), (0, 0, 0, 2))
    wanted = torch.einsum("btc,ftc->bf", padded, net.filters[0])
    torch.testing.assert_close(net.features(tokens), net.highway(F.relu(wanted + net.bias)))


@pytest.mark.parametrize("representations", [1, 4, 8])
def test_representations_follow_their_published_formula(representations: int) -> None:
    net = lively(MultiRepresentationDiscriminator(V, representations, (2, 3), (5, 6), embedding=8, hidden=7))
    tokens = draw(3, T)
    logits, size = net(tokens), 8 // representations
    assert logits.shape == (3, representations)
    for number in range(representations):
        part = net.embedding(tokens)[..., number * size : (number + 1) * size].transpose(1, 2)
        pooled = [
            F.conv1d(part, weight.transpose(1, 2), bias).relu().amax(-1)
            for weight, bias in zip(net.filters, net.bias.split([5, 6]), strict=True)
        ]
        features = net.highway(torch.cat(pooled, 1))
        torch.testing.assert_close(net.features(tokens)[:, number], features)
        torch.testing.assert_close(logits[:, number], net.output(net.compress(features))[:, 0])


def test_defaults_are_the_published_sizes() -> None:
    net = CNNDiscriminator(5000)
    assert net.output.in_features == 1720
    assert sum(LEAKGAN_SIZES["filters"]) == 2040
    assert CNNDiscriminator(5000, **TEXYGEN_SIZES).output.in_features == 300
    assert net.widths == SEQGAN_SIZES["widths"] == (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20)
    assert net.embedding.weight.abs().max() <= 1
    assert max(weight.abs().max() for weight in net.filters) <= 0.2
    assert torch.equal(net.bias, torch.full_like(net.bias, 0.1))
    relgan = MultiRepresentationDiscriminator(5000)
    assert relgan(torch.randint(5000, (2, 20))).shape == (2, 64)
    assert relgan.features(torch.randint(5000, (2, 20))).shape == (2, 64, 1200)
    assert relgan.compress.out_features == 100


@pytest.mark.parametrize("make", MAKES)
def test_dropout_works_in_training_only(make: Make) -> None:
    net, tokens = make(dropout=0.5), draw(4, T)
    assert not torch.equal(net.train()(tokens), net(tokens))
    assert torch.equal(net.eval()(tokens), net(tokens))


@pytest.mark.parametrize("make", MAKES)
def test_what_was_stored_comes_back(make: Make) -> None:
    net, other, tokens = lively(make()), make().double().eval(), draw(4, T)
    other.load_state_dict(net.state_dict())
    assert torch.equal(net(tokens), other(tokens))


@pytest.mark.parametrize("make", [cnn, many, recurrent, transformer])
def test_penalties_on_gradients_reach_the_parameters(make: Make) -> None:
    net = lively(make())
    rows = torch.rand(2, T, V, dtype=torch.float64)
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        slopes = torch.func.grad(lambda x: net(x).sum())(rows)
    slopes.square().sum().backward()
    assert net.embedding.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("make", MAKES)
def test_wrong_input_is_refused_in_a_sentence(make: Make) -> None:
    net = make()
    with pytest.raises(
        ValueError, match=r"reads token numbers \[B, T\] or rows \[B, T, 11\].*got torch.int64 of shape \(6,\)"
    ):
        net(draw(T))
    with pytest.raises(ValueError, match=r"rows \[B, T, 11\].*got torch.float32 of shape \(2, 6, 10\)"):
        net(torch.rand(2, T, V - 1))
    with pytest.raises(ValueError, match=r"B and T at least 1, got torch.int64 of shape \(2, 0\)"):
        net(draw(2, 0))
    with pytest.raises(ValueError, match=r"reads tokens \[G, N, T\] or rows"):
        net.grouped(draw(2, T), 0)
    for shared in (-1, T + 1):
        with pytest.raises(ValueError, match=f"shared={shared} must be between 0 and the length {T}"):
            net.grouped(draw(2, 2, T), shared)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: CNNDiscriminator(0), "vocabulary=0 must be at least 1"),
        (lambda: CNNDiscriminator(5, classes=-1), "classes=-1 at least 0"),
        (lambda: CNNDiscriminator(5, (1, 2), (3,)), "Every width needs its number of filters"),
        (lambda: CNNDiscriminator(5, (), ()), "Every width needs its number of filters"),
        (lambda: CNNDiscriminator(5, (0,), (3,)), "all of them at least 1"),
        (lambda: CNNDiscriminator(5, embedding=0), "embedding=0 must be at least 1"),
        (lambda: CNNDiscriminator(5, dropout=1.0), r"dropout=1.0 in \[0, 1\)"),
        (lambda: MultiRepresentationDiscriminator(5, 7), "representations=7 must divide embedding=64"),
        (lambda: MultiRepresentationDiscriminator(5, hidden=0), "hidden=0 be >= 1"),
        (lambda: RecurrentDiscriminator(5, hidden=0), "RecurrentDiscriminator needs embedding, hidden >= 1"),
        (lambda: RecurrentDiscriminator(5, positions=3), "an even positions >= 0"),
        (lambda: RecurrentDiscriminator(5, end=5), "end=5 is no token: the vocabulary has numbers 0 to 4"),
        (lambda: TransformerDiscriminator(5, 0), "TransformerDiscriminator needs length"),
        (lambda: TransformerDiscriminator(5, 4, 6, heads=4), "width=6 must be a multiple of heads=4"),
        (lambda: TransformerDiscriminator(5, 4, end=-1), "end=-1 is no token"),
        (lambda: transformer()(draw(2, T + 1)), "The sequences have 7 tokens; this discriminator was made for 6"),
    ],
)
def test_bad_sizes_are_refused_in_a_sentence(make: Callable[[], object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make()
