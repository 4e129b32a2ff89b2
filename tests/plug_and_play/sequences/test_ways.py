"""Every way of steering at every strength, by name."""

from gan_ext.plug_and_play import BestOf, HiddenGradient, SequentialMonteCarlo, steering_ways


def test_ways_have_a_name_for_each_setting():
    ways = steering_ways((1.0, 2.5), particles=4, candidates=(2,), gradient_steps=2, step_size=5.0)
    both = ("reweighting", "4 particles", "gradient", "gradient, one length")
    assert list(ways) == [
        "unsteered", *(f"{name} strength {s}" for name in both for s in ("1", "2.5")), "rejection strength 1",
        "best of several of 2",
    ]  # fmt: skip
    assert [ways["unsteered"].strength, ways["gradient strength 2.5"].strength] == [0.0, 2.5]
    assert isinstance(ways["4 particles strength 1"].method, SequentialMonteCarlo)
    assert isinstance(ways["best of several of 2"].method, BestOf)
    one = ways["gradient, one length strength 1"]
    assert isinstance(one.method, HiddenGradient)
    assert (one.arm, one.dial) == ("gradient, one length", "strength 1")
