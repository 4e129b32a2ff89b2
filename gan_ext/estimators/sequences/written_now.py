"""What a generator of texts writes while it is trained, and what it makes of held-out ones."""

from collections.abc import Sequence

import torch

from gan_ext.engine import Engine
from gan_ext.estimators.sequences.sequence_gan import SequenceGAN
from gan_ext.metrics import negative_log_likelihood
from gan_ext.runs import Written
from gan_ext.sequences import SequenceModel, write_on

__all__ = ["WrittenNow"]


class WrittenNow:
    """What a model writes by now, and its nats per token of held-out texts; for :class:`gan_ext.runs.LiveText`.

    The nats are recorded in the history under ``"validation"``.  In the discriminator's warm-up there is nothing new.

    Args:
        model: what is fitted.
        held_out: texts that it does not learn from.
        prompt: what its texts begin with, at least one token.
        windows: how long they are, in sequences of the model.
        temperature: of what it writes.
    """

    def __init__(
        self, model: SequenceGAN, held_out: Sequence[str], prompt: str, windows: int = 3, temperature: float = 0.7
    ) -> None:
        self.model, self.held_out, self.prompt = model, held_out, prompt
        self.windows, self.temperature = windows, temperature

    def __call__(self, engine: Engine) -> Written | None:
        """Measure, record, and return what is written; None where no generator is trained."""
        generator, corpus = getattr(engine.game, "generator", None), self.model.corpus_
        if not isinstance(generator, SequenceModel):
            return None
        nats = negative_log_likelihood(generator, corpus.encode(list(self.held_out)))
        engine.record(validation=nats)
        tokens = corpus.tokenizer.tokenize(self.prompt) if corpus.tokenizer else [self.prompt]
        begin = torch.tensor(corpus.vocabulary(tokens))
        written = write_on(generator, begin, self.windows, temperature=self.temperature)
        unit = "character" if self.model.tokenizer == "char" else "token"
        return Written(str(corpus.text(written[None].cpu())[0]), f"{nats:.3f} nats per {unit}")
