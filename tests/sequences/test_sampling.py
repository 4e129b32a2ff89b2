"""Drawing tokens: the exact distribution, never an impossible token, sharpening, prefixes, ends."""

import pytest
import torch
from torch import Tensor

from gan_ext.nets import LSTMGenerator
from gan_ext.sequences import IMPOSSIBLE, SequenceModel, draw, sample, sharpen

BELOW_ONE = 1 - 2**-24  # the largest float32 below 1
EDGES = torch.tensor([0.0, 2**-24, 0.5, 1 - 2**-12, BELOW_ONE])


@pytest.mark.parametrize("vocabulary", [1, 2, 7, 97, 5000])
def test_draws_invert_the_distribution(vocabulary: int) -> None:
    logits = torch.randn(4, vocabulary) * 2
    uniform = torch.rand(4, 300)
    tokens = draw(logits, uniform)
    above = logits.double().softmax(-1).cumsum(-1)
    below = above - logits.double().softmax(-1)
    assert (uniform >= below.gather(1, tokens) - 1e-5).all()
    assert (uniform <= above.gather(1, tokens) + 1e-5).all()
    assert torch.equal(draw(logits, uniform[:, 0]), tokens[:, 0])


@pytest.mark.parametrize("vocabulary", [2, 7, 97])
def test_draws_have_the_exact_frequencies(vocabulary: int) -> None:
    n, logits = 200_000, torch.randn(1, vocabulary)
    found = torch.bincount(draw(logits, torch.rand(1, n))[0], minlength=vocabulary)
    wanted = n * logits.double().softmax(-1)[0]
    chi_square = ((found - wanted).square() / wanted).sum()
    assert chi_square < vocabulary - 1 + 5 * (2 * (vocabulary - 1)) ** 0.5


@pytest.mark.parametrize("vocabulary", [1, 2, 7, 97, 5000])
@pytest.mark.parametrize("never", [IMPOSSIBLE, -torch.inf])
def test_impossible_tokens_never_come(vocabulary: int, never: float) -> None:
    """Also where all the weight is at a border, or in one token, and at the smallest and largest numbers."""
    generator = torch.Generator().manual_seed(vocabulary)
    rows = []
    for first, last in ((0, 1), (vocabulary - 1, vocabulary), (vocabulary // 2, vocabulary // 2 + 1), (0, vocabulary)):
        row = torch.full((vocabulary,), never)
        row[first:last] = torch.randn(last - first, generator=generator)
        rows.append(row)
    for share in (0.02, 0.3, 0.9):
        row = torch.randn(vocabulary, generator=generator) * 5
        possible = torch.rand(vocabulary, generator=generator) < share
        possible[int(torch.randint(vocabulary, (), generator=generator))] = True
        rows.append(row.masked_fill(~possible, never))
    logits = torch.stack(rows)
    uniform = torch.cat([EDGES, torch.rand(2000, generator=generator)]).expand(len(rows), -1)
    tokens = draw(logits, uniform)
    assert tokens.min() >= 0
    assert tokens.max() < vocabulary
    assert (logits.softmax(-1).gather(1, tokens) > 0).all()
    assert (tokens[:3] == torch.tensor([[0], [vocabulary - 1], [vocabulary // 2]])).all()


def test_the_extreme_numbers_draw_the_extreme_tokens() -> None:
    logits = torch.zeros(1, 97)
    logits[0, [0, 1, 95, 96]] = IMPOSSIBLE
    assert draw(logits, torch.tensor([[0.0, BELOW_ONE]])).tolist() == [[2, 94]]


def test_light_tokens_beside_heavy_ones_are_drawn_at_most_when_they_weigh() -> None:
    """Rounding in the sums: one token of weight 1 among thousands of weight e^-30, half a unit in the last place."""
    logits = torch.full((1, 5000), -30.0)
    for heavy in (0, 2500, 4999):
        row = logits.clone()
        row[0, heavy] = 0.0
        tokens = draw(row, torch.cat([EDGES[2:], torch.rand(2000)])[None])
        assert (tokens == heavy).double().mean() > 0.999


def test_half_precision_draws_as_single() -> None:
    logits, uniform = torch.randn(3, 97).bfloat16(), torch.rand(3, 50)
    assert torch.equal(draw(logits, uniform), draw(logits.float(), uniform))


def test_temperature_divides_logits() -> None:
    logits = torch.randn(3, 9)
    assert sharpen(logits) is logits
    torch.testing.assert_close(sharpen(logits, 0.5), 2 * logits)
    each = torch.tensor([[0.5], [1.0], [2.0]])
    torch.testing.assert_close(sharpen(logits, each), logits / each)


@pytest.mark.parametrize("temperature", [1e3, 1e6, torch.tensor([[1e3]])])
def test_heat_does_not_revive_impossible_tokens(temperature: float | Tensor) -> None:
    logits = torch.tensor([[0.3, IMPOSSIBLE, IMPOSSIBLE + 0.5, -1.0]])
    probabilities = sharpen(logits, temperature).softmax(-1)
    assert probabilities[0, [1, 2]].tolist() == [0, 0]
    torch.testing.assert_close(probabilities[0, [0, 3]], torch.tensor([0.5, 0.5]), rtol=0.01, atol=0)


@pytest.mark.parametrize("top_k", [1, 3, 9, 50])
def test_top_k_keeps_the_likeliest(top_k: int) -> None:
    logits = torch.randn(5, 9)
    kept = sharpen(logits, top_k=top_k).softmax(-1) > 0
    assert (kept.sum(-1) == min(top_k, 9)).all()
    for row, some in zip(logits, kept, strict=True):
        assert not (~some).any() or row[some].min() > row[~some].max()
    torch.testing.assert_close(sharpen(logits, top_k=top_k)[kept], logits[kept])
    best = sharpen(logits, top_k=1)
    assert torch.equal(draw(best, torch.rand(5)), logits.argmax(-1))


def test_top_p_keeps_the_smallest_set_that_suffices() -> None:
    logits = torch.tensor([[0.1, 0.4, 0.2, 0.3]]).log()
    for top_p, wanted in (
        (0.05, [1]),
        (0.39, [1]),
        (0.41, [1, 3]),
        (0.69, [1, 3]),
        (0.71, [1, 2, 3]),
        (1.0, [0, 1, 2, 3]),
    ):
        kept = sharpen(logits, top_p=top_p).softmax(-1)[0].nonzero()[:, 0].tolist()
        assert kept == wanted, top_p
    # The temperature comes first: what is likely enough is asked of the sharpened distribution.
    assert (sharpen(logits, 0.1, top_p=0.9).softmax(-1) > 0).sum() == 1


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"temperature": 0.0}, "temperature=0.0 must be a positive number"),
        ({"temperature": -1.0}, "temperature=-1.0 must be a positive number"),
        ({"temperature": float("nan")}, "temperature=nan must be a positive number"),
        ({"temperature": float("inf")}, "temperature=inf must be a positive number"),
        ({"top_k": 0}, "top_k=0 must be at least 1, or None"),
        ({"top_p": 0.0}, r"top_p=0.0 must be in \(0, 1\], or None"),
        ({"top_p": 1.5}, r"top_p=1.5 must be in \(0, 1\], or None"),
    ],
)
def test_values_out_of_range_are_refused_in_a_sentence(wrong: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        sharpen(torch.zeros(1, 3), **wrong)
    with pytest.raises(ValueError, match=sentence):
        sample(LSTMGenerator(3, 2), 1, **wrong)


def model(**more) -> LSTMGenerator:
    return LSTMGenerator(7, 6, 4, 5, init=1.0, **more)


def test_samples_are_functions_of_their_noise_and_not_of_their_piece(monkeypatch) -> None:
    net, uniforms = model(), torch.rand(7, 6)
    once = sample(net, 7, uniforms=uniforms)
    assert once.shape == (7, 6)
    monkeypatch.setattr("gan_ext.sequences.sampling._NUMBERS", 3 * 7)
    assert torch.equal(sample(net, 7, uniforms=uniforms), once)
    assert torch.equal(sample(net, 2, uniforms=uniforms[5:]), once[5:])
    assert sample(net, 0).shape == (0, 6)


def test_prefixes_are_kept_and_continued() -> None:
    net, uniforms = model(), torch.rand(5, 6)
    whole = sample(net, 5, uniforms=uniforms)
    for given in range(7):
        assert torch.equal(sample(net, 5, prefix=whole[:, :given], uniforms=uniforms), whole)
    other = (whole[:, :3] + 1) % 7
    assert torch.equal(sample(net, 5, prefix=other, uniforms=uniforms)[:, :3], other)
    with pytest.raises(ValueError, match=r"prefix must have shape \(5, at most 6\), got \(5, 7\)"):
        sample(net, 5, prefix=torch.zeros(5, 7, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"prefix must have shape \(4, at most 6\), got \(5, 3\)"):
        sample(net, 4, prefix=other)


def test_the_end_closes_a_sequence() -> None:
    net = model(end=3, pad=0, start=2, start_is_a_token=False)
    tokens = sample(net, 500)
    closed = (tokens == 3).long().cumsum(1)
    after = torch.cat([torch.zeros(500, 1, dtype=torch.int64), closed[:, :-1]], 1) > 0
    assert (tokens[after] == 0).all()
    assert not ((tokens[~after] == 0) | (tokens[~after] == 2)).any()
    assert after.any()
    prefix = torch.tensor([[4, 3], [4, 5]])
    continued = sample(net, 2, prefix=prefix)
    assert continued[0].tolist() == [4, 3, 0, 0, 0, 0]
    assert continued[1, 2] != 0


def test_labels_go_with_their_rows() -> None:
    net, uniforms, labels = model(classes=2), torch.rand(6, 6), torch.arange(6) % 2
    together = sample(net, 6, labels=labels, uniforms=uniforms)
    alone = [sample(net, 1, labels=labels[i : i + 1], uniforms=uniforms[i : i + 1]) for i in range(6)]
    assert torch.equal(together, torch.cat(alone))
    cold = sample(net, 6, labels=labels, temperature=1e-4)
    assert torch.equal(cold, sample(net, 6, labels=labels, top_k=1))


def test_a_temperature_may_be_a_tensor() -> None:
    net, uniforms = model(), torch.rand(5, 6)
    by_tensor = sample(net, 5, temperature=torch.tensor(0.3), uniforms=uniforms)
    assert torch.equal(by_tensor, sample(net, 5, temperature=0.3, uniforms=uniforms))


# --- what is no distribution, and what is hardly one ------------------------------------------------------------------


@pytest.mark.parametrize("row", [[0.0, torch.nan, 1.0], [torch.nan] * 3, [-torch.inf] * 3, [0.0, torch.inf, 1.0]])
def test_logits_that_are_no_distribution_are_refused(row: list[float]) -> None:
    logits = torch.tensor([[0.0, 1.0, 2.0], row])
    with pytest.raises(ValueError, match="1 of 2 rows of logits are no distribution over tokens"):
        draw(logits, torch.rand(2))
    assert draw(logits, torch.rand(2), check=False).shape == (2,)  # within a step the engine finds it


def test_a_model_with_spoilt_weights_does_not_write() -> None:
    net = LSTMGenerator(5, 4, embedding=3, hidden=4)
    sample(net, 3)
    next(net.parameters()).data.fill_(torch.nan)
    with pytest.raises(ValueError, match="3 of 3 rows of logits are no distribution over tokens"):
        sample(net, 3)
    assert sample(net, 3, check=False).shape == (3, 4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("temperature", [1e-4, 1e-39, 1e-300, torch.tensor([[1e-39]])])
def test_the_coldest_draws_are_the_likeliest_tokens(temperature: float | Tensor, dtype: torch.dtype) -> None:
    rows = [[3.0, -2.0, 5.0, 1.0], [-7.0, -9.0, -8.0, -torch.inf], [0.0, 9.0, IMPOSSIBLE, 0.0]]
    logits = torch.tensor(rows, dtype=dtype)
    cold = sharpen(logits, temperature)
    assert cold.dtype == dtype or isinstance(temperature, Tensor)  # which has a type of its own
    assert not cold.isnan().any()
    assert torch.equal(draw(cold, torch.rand(3, 50)), logits.argmax(-1)[:, None].expand(-1, 50))
    net = LSTMGenerator(5, 4, embedding=3, hidden=4)
    tokens = sample(net, 2, top_k=1)
    assert torch.equal(sample(net, 2, temperature=1e-39), tokens)
    for cold_too in (1e-4, 1e-39):
        torch.testing.assert_close(net.log_prob(tokens, temperature=cold_too), torch.zeros(2, 4), rtol=0, atol=1e-3)


@pytest.mark.parametrize("top_k", [1, 2, 3])
def test_of_equally_likely_tokens_no_more_than_k_stay(top_k: int) -> None:
    kept = sharpen(torch.zeros(4, 6), top_k=top_k).softmax(-1) > 0
    assert (kept.sum(-1) == top_k).all()


class Masked(LSTMGenerator):
    """A user's model, which rules out token 1 by minus infinity."""

    def step(self, token: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        logits, state = super().step(token, state)
        mask = torch.tensor([0.0, -torch.inf, 0.0, 0.0, 0.0])
        return logits + mask, state

    def forward(self, tokens: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().forward(tokens, labels) + torch.tensor([0.0, -torch.inf, 0.0, 0.0, 0.0])


@pytest.mark.parametrize("temperature", [1.0, 0.5, 20.0])
def test_a_users_own_mask_leaves_probabilities_finite(temperature: float) -> None:
    net = Masked(5, 6, embedding=3, hidden=4, start=2, end=3, pad=1)
    tokens = sample(net, 200)
    assert (tokens == 1).any()  # closed sequences are filled up by the token that is ruled out
    known = SequenceModel.log_prob(net, tokens, temperature=temperature)
    assert known.isfinite().all()
    assert (known[tokens == 1] == 0).all()
    known.sum().backward()
    assert all(value.grad is None or bool(value.grad.isfinite().all()) for value in net.parameters())
    forbidden = torch.full((1, 6), 1)
    assert SequenceModel.log_prob(net, forbidden)[0, 0] == IMPOSSIBLE


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"temperature": "cold"}, "temperature='cold' must be a positive number"),
        ({"temperature": True}, "temperature=True must be a positive number"),
        ({"top_k": 2.5}, "top_k=2.5 must be at least 1"),
        ({"top_k": True}, "top_k=True must be at least 1"),
        ({"top_p": "most"}, r"top_p='most' must be in \(0, 1\]"),
        ({"top_p": torch.nan}, r"top_p=nan must be in \(0, 1\]"),
    ],
)
def test_what_is_no_number_is_refused(wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        sharpen(torch.zeros(1, 4), **wrong)  # type: ignore[arg-type]
