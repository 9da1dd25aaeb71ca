# %% tags=["task:a"]
from dataclasses import dataclass
from enum import Enum
from collections import namedtuple
@dataclass
class Point:
    x: int
    def __eq__(self, other):
        return isinstance(other, Point) and other.x == self.x
class Colour(Enum):
    RED = 1
Pair = namedtuple("Pair", "left right")
class Base:
    pass
class Child(Base):
    def who(self):
        return super().__repr__() is not None and "child"
p, colour, pair, child = Point(1), Colour.RED, Pair(1, 2), Child()

# %% tags=["task:b"]
print(isinstance(p, Point), colour is Colour.RED, isinstance(pair, Pair), isinstance(child, Base), child.who())
q = Point(1)

# %% tags=["task:c"]
print(p == q, type(p) is type(q), type(p) is Point)
