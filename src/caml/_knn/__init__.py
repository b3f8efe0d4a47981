"""The compiled search for nearest neighbours: a balanced k-d tree, asked a leaf at a time.

The positions are kept in the order of the tree's leaves, sixteen to a leaf. The queries of a leaf
share one list of the leaves near them. Each query appends the squared distances below a guess of
its last neighbour's to a column of its own; the guess comes from the query before it, and is mended
where it was too low. What was appended, a little more than k values, is sorted for all sixteen
queries at once by a sorting network (Batcher 1968): its exchanges do not depend on the values, so
that each is one vector operation on a row of sixteen.

Squared distances are computed in double precision and compared in single precision; equal ones are
ordered by index. So the answer does not depend on the tree.

Numba keeps what it compiled as long as the file of a function is the same; functions in other files
that it calls, and their constants, must not change without it. So `build` and `search` call nothing
of each other, and whoever changes `LEAF` has to touch both.
"""

from __future__ import annotations

from caml._knn.tree import Tree

__all__ = ["Tree"]
