# SPDX-License-Identifier: MIT
"""Makes a failing case small: takes pieces of lists, then members, then size of numbers away, as long as it fails."""

import copy


def places(node, at=()):
    """Yields the places of a document from the outside in: members of objects, elements of short lists, whole lists."""
    if isinstance(node, dict):
        for key in list(node):
            yield (*at, key)
            yield from places(node[key], (*at, key))
    elif isinstance(node, list) and len(node) <= 16:
        for i in range(len(node)):
            yield (*at, i)
            yield from places(node[i], (*at, i))


def look(document, at):
    for key in at:
        document = document[key]
    return document


class Shrinker:
    """`fails(case)` tells if a case still fails in the same way; it is asked at most `tries` times."""

    def __init__(self, fails, tries):
        self.fails, self.tries = fails, tries

    def shrink(self, case):
        progress = True
        while progress and self.tries > 0:
            progress = False
            for at in sorted(places(case), key=lambda at: (len(at), str(at))):
                smaller = self.smaller(case, at)
                if smaller is not None:
                    case, progress = smaller, True
                if self.tries <= 0:
                    break
        return case

    def try_case(self, candidate):
        if self.tries <= 0:
            return False
        self.tries -= 1
        return self.fails(candidate)

    def smaller(self, case, at):
        """Returns a smaller case that fails too, or None. The place may be gone by now."""
        try:
            value = look(case, at)
        except (KeyError, IndexError, TypeError):
            return None
        if at != ("seed",) and at not in (("scenario",), ("platform",), ("trace",), ("threads",), ("options",), ("settings",)):
            candidate = copy.deepcopy(case)
            del look(candidate, at[:-1])[at[-1]]
            if self.try_case(candidate):
                return candidate
        if isinstance(value, list) and len(value) > 1:
            return self.thin(case, at)
        if isinstance(value, int) and not isinstance(value, bool) and at != ("seed",):
            return self.lessen(case, at, value)
        return None

    def thin(self, case, at):
        """Takes pieces out of a list: halves, quarters, and so on."""
        best, piece = None, len(look(case, at)) // 2
        while piece >= 1 and self.tries > 0:
            begin = 0
            while begin < len(look(best or case, at)) > piece and self.tries > 0:
                candidate = copy.deepcopy(best or case)
                del look(candidate, at)[begin : begin + piece]
                if self.try_case(candidate):
                    best = candidate
                else:
                    begin += piece
            piece //= 2
        return best

    def lessen(self, case, at, value):
        for less in (0, 1, value // 2):
            if less < value:
                candidate = copy.deepcopy(case)
                look(candidate, at[:-1])[at[-1]] = less
                if self.try_case(candidate):
                    return candidate
        return None
