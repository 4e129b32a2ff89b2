"""Features of sequences without a download: bags of n-grams, reduced by latent semantic analysis."""

from collections.abc import Hashable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.pipeline import Pipeline, make_pipeline
from typing_extensions import Self

from gan_ext.checks import checked
from gan_ext.metrics.sequences.token_lists import Sentence, check_sentences
from gan_ext.seeds import RandomStateLike, as_seed

__all__ = ["BagOfNgrams"]


@checked
class BagOfNgrams:
    r"""Features of sequences by latent semantic analysis: n-gram counts, weighted by rarity, projected.

    .. math:: f(x) = V^\top \frac{t}{|t|}, \qquad
              t_g = (1 + \log c_x(g)) \Bigl( 1 + \log \frac{1 + N}{1 + N_g} \Bigr)

    The counts of all n-grams of the given orders are hashed into buckets g, :math:`N_g` of N fitted sequences have the
    n-gram, and V are the first right singular vectors of the fitted sequences.  No language model is in it: it knows
    words and their neighbors, not meaning, and no order beyond an n-gram.  A Frechet distance of these features is not
    FED, a divergence area not MAUVE.

    References: Indexing by Latent Semantic Analysis (Deerwester et al., 1990),
    https://doi.org/10.1002/(SICI)1097-4571(199009)41:6%3C391::AID-ASI1%3E3.0.CO;2-9

    Args:
        orders: which n-grams; each at least 1.
        buckets: of the hash.
        components: features F; fewer if fewer sequences are fitted.
        random_state: of the randomized decomposition.

    Raises:
        ValueError: a value out of its range.
    """

    def __init__(
        self,
        orders: Sequence[int] = (1, 2, 3),
        buckets: int = 1 << 16,
        components: int = 128,
        random_state: RandomStateLike = 0,
    ) -> None:
        if not orders or min(orders) < 1:
            raise ValueError(f"orders={orders!r} must name at least one n-gram order, each at least 1.")
        if not 1 <= components < buckets:
            raise ValueError(f"components={components} must be at least 1 and below buckets={buckets}.")
        self.orders, self.buckets, self.components = tuple(orders), buckets, components
        self.random_state = random_state
        self._pipeline: Pipeline | None = None

    def fit(self, sequences: Iterable[Sentence]) -> Self:
        """Learn rarities and the projection from real sequences other than those to be compared."""
        found = check_sentences("sequences", sequences, least=2)
        hashed = HashingVectorizer(analyzer=self._grams, n_features=self.buckets, alternate_sign=False, norm=None)
        rarity = TfidfTransformer(sublinear_tf=True)
        projection = TruncatedSVD(min(self.components, len(found) - 1), random_state=as_seed(self.random_state))
        self._pipeline = make_pipeline(hashed, rarity, projection).fit(found)
        return self

    def __call__(self, sequences: Iterable[Sentence]) -> NDArray[np.float64]:
        """Return the features [N, F] of sequences of hashable tokens."""
        if self._pipeline is None:
            raise ValueError("This BagOfNgrams is not fitted: call fit(real sequences) first.")
        features: NDArray[np.float64] = self._pipeline.transform(check_sentences("sequences", sequences))
        return features

    def _grams(self, sequence: Sequence[Hashable]) -> Iterator[str]:
        words = [str(token) for token in sequence]
        for order in self.orders:
            for gram in zip(*(words[begin:] for begin in range(order)), strict=False):
                yield "\x1f".join(gram)
