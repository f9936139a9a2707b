"""Which target is next, in which build, for how long."""

import math

from targets import BUILDS

SHORTEST, LONGEST = 2.0, 300.0  # seconds of a slice
FUZZING = 0.92  # of the hours; the rest is for the corpora


def fuzzing_seconds(hours):
    return hours * 3600 * FUZZING


def slice_seconds(hours, jobs, targets):
    """So long that every target has a turn in every build, and at most five minutes."""
    share = fuzzing_seconds(hours) * jobs / (targets * len(BUILDS))
    return min(LONGEST, max(SHORTEST, share))


def weight(recent):
    """1 for a target that finds nothing new; it grows with the logarithm of its recent new features."""
    return 1 + math.log2(1 + recent)


def build_of(turn):
    """The build of a target's n-th slice."""
    return list(BUILDS)[turn % len(BUILDS)]


def choose(targets, running, turns):
    """The name of the next target, of those that do not run: first each has a turn in each build, then the one that has
    had least for its weight. `targets` is the state's, `turns` how many slices each has begun."""
    idle = [name for name in targets if name not in running]
    if not idle:
        return None
    return min(idle, key=lambda name: (min(turns[name], len(BUILDS)), targets[name]["served"], name))
