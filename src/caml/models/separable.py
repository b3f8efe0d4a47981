"""Networks that look at one neighbour at a time, as sums of functions of one variable.

A dense layer of rectified units on each neighbour's value, followed by one unit on all of them,
adds up, over neighbours, a piecewise linear function of the neighbour's value. All of these bend at
the same values. XPILJZ has 32 units a neighbour, and eight bends between 0 and 1: two numbers
looked up for each neighbour take the place of 32 units.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from caml._machine import compiler_is_loaded

__all__ = ["SeparableNetwork"]

Single = npt.NDArray[np.float32]

# The operators of such a network, in their order.
OPERATORS = ["Reshape", "Mul", "Add", "Relu", "Reshape", "MatMul", "Add", "Sigmoid"]

# Terms are added up in so many sums side by side, one vector; in this order with and without a
# compiler, so that both give the same.
LANES = 16


@dataclass(frozen=True, slots=True, eq=False)
class SeparableNetwork:
    """A network as a sum over neighbours.

    Parameters
    ----------
    bends : ndarray of shape (n_bends,), float32
        The values at which the functions bend, in order.
    slopes, intercepts : ndarray of shape (n_bends + 1, k), float32
        Of each neighbour's function, between one bend and the next.
    bias : float32
        What is added to the sum.
    """

    bends: Single
    slopes: Single
    intercepts: Single
    bias: np.float32

    @classmethod
    def read(cls, weights: bytes, bounds: tuple[float, float]) -> SeparableNetwork | None:
        """Read a network in ONNX, if it is of this kind.

        Parameters
        ----------
        weights : bytes
            The network in ONNX.
        bounds : tuple of float
            The lowest and the highest value of its input.

        Returns
        -------
        SeparableNetwork or None
            None if it has other layers.
        """
        import onnx
        from onnx import numpy_helper

        graph = onnx.load_from_string(weights).graph
        if [node.op_type for node in graph.node] != OPERATORS:
            return None
        # One after the other, each with a constant that the network brings along.
        values = {part.name: numpy_helper.to_array(part) for part in graph.initializer}
        constants = []
        before = graph.input[0].name
        for node in graph.node:
            if node.input[0] != before or not set(node.input[1:]) <= values.keys():
                return None
            constants += [values[name] for name in node.input[1:]]
            before = node.output[0]
        _, weight, bias, _, kernel, last_bias = (np.asarray(c, dtype=np.float64) for c in constants)
        weight, bias = weight.ravel(), bias.ravel()
        if kernel.shape[1:] != (1,) or kernel.shape[0] % len(weight) or weight.shape != bias.shape:
            return None
        kernel = kernel.reshape(-1, len(weight))
        with np.errstate(divide="ignore", invalid="ignore"):
            bends = np.unique(-bias / weight)
        bends = bends[(bends > bounds[0]) & (bends < bounds[1])]
        # Without a bend, any value tells which units are active.
        inside = bends if len(bends) else np.array([bounds[0]])
        ends = np.concatenate((inside[:1] - 1, bends, inside[-1:] + 1))
        between = np.clip(ends, *bounds)
        middles = (between[1:] + between[:-1]) / 2
        active = weight * middles[:, None] + bias > 0
        return cls(
            bends.astype(np.float32),
            (active * weight @ kernel.T).astype(np.float32),
            (active * bias @ kernel.T).astype(np.float32),
            np.float32(last_bias.ravel()[0]),
        )

    def predict(self, features: Single) -> Single:
        """Run the network.

        Parameters
        ----------
        features : ndarray of shape (n_localizations, k), float32
            Its input.

        Returns
        -------
        ndarray of shape (n_localizations,), float32
            The score, from 0 to 1.
        """
        if compiler_is_loaded():
            from caml.models._separable import sums

            total = sums(features, self.bends, self.slopes, self.intercepts)
        else:
            total = self._sums(features)
        # Beyond this the score is 0 or 1 to the last digit, and exp would overflow.
        logit = np.clip(total + self.bias, -80, 80)
        score: Single = 1 / (1 + np.exp(-logit))
        return score

    def _sums(self, features: Single) -> Single:
        n, k = features.shape
        piece = np.searchsorted(self.bends, features, side="right")
        neighbour = np.arange(k)
        terms = np.zeros((n, -(-k // LANES) * LANES), dtype=np.float32)
        terms[:, :k] = self.slopes[piece, neighbour] * features + self.intercepts[piece, neighbour]
        lanes = np.zeros((n, LANES), dtype=np.float32)
        for start in range(0, terms.shape[1], LANES):
            lanes += terms[:, start : start + LANES]
        total = np.zeros(n, dtype=np.float32)
        for lane in lanes.T:
            total += lane
        return total
