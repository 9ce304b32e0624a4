# SPDX-License-Identifier: MIT
"""Random choices from a seed, the same with every version of Python (splitmix64)."""

MASK = (1 << 64) - 1


class Dice:
    def __init__(self, seed):
        self.state = seed & MASK

    def next(self):
        """Returns 64 random bits."""
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
        return z ^ (z >> 31)

    def between(self, low, high):
        """Returns a number from `low` to `high`, both included."""
        return low + self.next() % (high - low + 1)

    def chance(self, probability):
        return (self.next() >> 11) * 2.0**-53 < probability

    def pick(self, values):
        """Returns one of the values; those given twice come up twice as often."""
        return values[self.next() % len(values)]

    def skewed(self, low, high):
        """Returns a small number often and a large one now and then: the exponent is uniform."""
        most = high - low
        halvings = self.between(0, most.bit_length())
        return low + self.between(0, max(most >> halvings, min(most, 1)))

    def shuffled(self, values):
        out = list(values)
        for i in range(len(out) - 1, 0, -1):
            j = self.between(0, i)
            out[i], out[j] = out[j], out[i]
        return out

    def maybe(self, into, key, probability, draw):
        """Sets `into[key]` to draw() now and then, else leaves the key out, so that its default counts."""
        if self.chance(probability):
            into[key] = draw()
