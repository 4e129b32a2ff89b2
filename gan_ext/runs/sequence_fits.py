"""Fits of generators of sequences, by likelihood and in games, each kept in a folder of its own."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gan_ext.data import ArrayStream, HeldOutTexts, WordTokenizer, decode
from gan_ext.engine import Compute, Engine, adam, alternating, cosine, resolve_device
from gan_ext.game import Game, alone
from gan_ext.games import SeqGAN, SequenceLikelihood
from gan_ext.metrics import LanguageModelScorer, TextScorer, nll_test
from gan_ext.runs.kept import KeepBest, fit_kept
from gan_ext.runs.options import Options
from gan_ext.seeds import mix, seeded
from gan_ext.sequences import SequenceModel, TokenBatch, draw_by_odds, sample

__all__ = ["SequenceFits"]


class SequenceFits:
    """How a recipe trains generators of sequences: with Adam, clipped gradients, a live bar and checkpoints.

    A fit that was finished before is not trained again; a killed one goes on.  Networks are on the CPU afterwards.

    Args:
        config: says where checkpoints lie, and the device.
        tokens: [n, T], to learn from.
        batch_size: sequences of a step.
        clip: largest norm of a gradient.
    """

    def __init__(self, config: Options, tokens: Tensor, batch_size: int = 64, clip: float = 5.0) -> None:
        self.config, self.tokens, self.batch_size, self.clip = config, tokens, batch_size, clip

    def play(self, name: str, seed: int, game: Game, steps: int, rates: dict[str, float], **settings: Any) -> None:
        """Play a game.

        Args:
            name: of the fit; with the seed it is its folder's and its bar's.
            seed: decides every draw, and the order of sequences.
            game: of sequences.
            steps: number of the last step.
            rates: learning rate of each player.
            settings: `batch_size`, `callbacks`; and options of :class:`~gan_ext.engine.Engine`, such as `solver` and
                `schedules`.
        """
        batch_size, callbacks = settings.pop("batch_size", self.batch_size), settings.pop("callbacks", ())
        engine = self._engine(game, rates, seed=seed, **settings)
        stream = ArrayStream(TokenBatch(self.tokens), batch_size, seed)
        fit_kept(
            engine, stream, steps, folder=self.config.fits / self._stem(name, seed), label=f"{name}, seed {seed}",
            every=max(1, min(200, steps // 4)), refresh=5, callbacks=callbacks,
        )  # fmt: skip
        game.cpu()

    def likelihood(
        self,
        name: str,
        seed: int,
        model: SequenceModel,
        steps: int,
        rate: float,
        *,
        last_rate: float | None = None,
        held_out: Tensor | None = None,
        every: int | None = None,
        batch_size: int | None = None,
    ) -> SequenceModel:
        """Fit a model by maximum likelihood, and return it.

        Args:
            name: of the fit.
            seed: of the fit.
            model: what is trained.
            steps: number of the last step.
            rate: learning rate.
            last_rate: what it falls to, along half a cosine; constant if None.
            held_out: tokens [m, T]; if given, the weights that do best on them are kept.
            every: steps between two looks at these; a twentieth of `steps` if not given.
            batch_size: sequences of a step.
        """
        best = self.config.fits / f"{self._stem(name, seed)}.best.safetensors"
        settings: dict[str, Any] = {"batch_size": batch_size or self.batch_size}
        if last_rate is not None:
            settings["schedules"] = {"generator.lr": cosine(rate, last_rate, steps)}
        if held_out is not None:
            keep = KeepBest(every or max(1, steps // 20), model, lambda: nll_test(model, held_out), best)
            settings["callbacks"] = [keep]
        self.play(name, seed, SequenceLikelihood(model), steps, {"generator": rate}, **settings)
        if held_out is not None:
            keep.restore()
        return model

    def gan(
        self,
        name: str,
        seed: int,
        start: SequenceModel,
        discriminator: nn.Module,
        steps: int,
        rates: tuple[float, float],
        *,
        moves: int = 1,
        warm_up: int = 0,
        warm_up_rate: float = 1e-3,
        **settings: Any,
    ) -> SeqGAN:
        """Play SeqGAN with a copy of a generator, and return the game.

        Args:
            name: of the fit; the warm-up is a fit named ``"warm-up"``, the same for all games of a seed.
            seed: of the fit.
            start: what the generator is a copy of.
            discriminator: its opponent.
            steps: of the game; 0 for none, so that only the discriminator learns.
            rates: learning rates of discriminator and generator.
            moves: of the discriminator for each of the generator's.
            warm_up: steps of the discriminator alone before the game.
            warm_up_rate: its learning rate there.
            settings: see :class:`gan_ext.games.SeqGAN`.
        """
        game = SeqGAN(copy.deepcopy(start), discriminator, **settings)
        if warm_up:
            with alone(game, ["discriminator"]) as judging:
                self.play("warm-up", seed, judging, warm_up, {"discriminator": warm_up_rate})
        if steps:
            turns = alternating({"discriminator": moves, "generator": 1})
            self.play(name, seed, game, steps, {"discriminator": rates[0], "generator": rates[1]}, solver=turns)
        return game

    def draw(self, model: SequenceModel, n: int, temperature: float, seed: int) -> Tensor:
        """Return sequences [n, T] of a model; of the same random numbers for all models of a length.

        Args:
            model: what is drawn from.
            n: how many.
            temperature: divides its logits.
            seed: decides the draws.
        """
        device = resolve_device(self.config.device)
        with seeded(seed, 3):
            noise = torch.rand(n, model.length).to(device)
        tokens = sample(model.to(device), n, temperature=temperature, uniforms=noise)
        model.cpu()
        return tokens.cpu()

    def draw_again(
        self, model: SequenceModel, judge: nn.Module, n: int, temperature: float, seed: int, power: float
    ) -> Tensor:
        """Return sequences [n, T] out of four times as many, by a power of a discriminator's odds for being real.

        See :meth:`draw` and :func:`gan_ext.sequences.draw_by_odds`.
        """
        draws = torch.Generator().manual_seed(mix(4))
        return draw_by_odds(self.draw(model, 4 * n, temperature, seed), judge.cpu(), n, power, draws)

    def judge(self, model: SequenceModel, tokens: Tensor, steps: int, rate: float = 4e-3) -> SequenceModel:
        """Fit a model that only judges, by maximum likelihood, the rate falling to 0; nothing is kept or shown.

        Args:
            model: what is trained.
            tokens: [n, T], to learn from.
            steps: how many.
            rate: learning rate.
        """
        schedules = {"generator.lr": cosine(rate, 0.0, steps)}
        engine = self._engine(SequenceLikelihood(model), {"generator": rate}, schedules=schedules)
        engine.fit(ArrayStream(TokenBatch(tokens), self.batch_size), steps)
        return model.cpu()

    def scorer(
        self, texts: HeldOutTexts, target: Sequence[str], language_model: Callable[[], SequenceModel], steps: int
    ) -> TextScorer:
        """Return what scores generated texts against real ones.

        Args:
            texts: what is learned from; their training part is what the language model of real text learns from.
            target: other real texts, the references.  Language models judge those of known words only.
            language_model: makes an untrained one.
            steps: of its training, at a rate of 4e-3 that falls to 0.
        """
        corpus, split = texts.corpus, WordTokenizer().tokenize
        known = corpus.encode(target)
        known = known[(known != corpus.vocabulary["<unk>"]).all(1)]
        models = LanguageModelScorer(lambda tokens: self.judge(language_model(), tokens, steps), texts.train, known)
        return TextScorer([split(text) for text in target], lambda tokens: decode(tokens, corpus.vocabulary), models)

    def _engine(self, game: Game, rates: dict[str, float], **settings: Any) -> Engine:
        players = {player: adam(rate, betas=(0.9, 0.999)) for player, rate in rates.items()}
        return Engine(game, players, clip=self.clip, compute=Compute(self.config.device), **settings)

    @staticmethod
    def _stem(name: str, seed: int) -> str:
        return f"{name} {seed}".replace(" ", "_").replace(",", "")
