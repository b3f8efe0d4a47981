"""Time networks within `classify` against ONNX Runtime alone over inputs that are ready.

    python benchmarks/bench_network.py

XPILJZ is the network that comes with the package; 07VEJJ has the paper's layers (convolution,
pooling, two recurrent layers of 32) with weights by chance, which take as long as trained ones.
ONNX Runtime alone has the inputs in memory, one session on all cores, and the batch that suits it
best. Prints Markdown tables.
"""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
from large_table import cells
from machine import machine
from onnx import TensorProto, helper, numpy_helper

import caml
from caml.features import norm_self
from caml.models import Model, load_model
from caml.neighbours import NeighbourSearch

BATCHES = (256, 1_024, 4_096, 16_384)
N = 1_000_000
# So many inputs are made ready for ONNX Runtime alone; its time is per localization.
READY = 100_000
REPEATS = 3


def recurrent(k: int) -> bytes:
    """Write the layers of 07VEJJ (and 87B144) for k neighbours, with weights by chance."""
    generator = np.random.default_rng(0)
    width = ((k - 2) // 4) // 4 * 32
    shapes = {
        "conv": (32, 1, 3), "conv_bias": (32,),
        "w1": (1, 128, 32), "r1": (1, 128, 32), "b1": (1, 256),
        "w2": (1, 128, 32), "r2": (1, 128, 32), "b2": (1, 256),
        "d1": (width, 32), "e1": (32,), "d2": (32, 16), "e2": (16,), "d3": (16, 1), "e3": (1,),
    }  # fmt: skip
    weights = [
        numpy_helper.from_array(generator.normal(0, 0.1, shape).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    for name, values in (("rows", [-1, 1, k]), ("flat", [-1, width]), ("axis", [1])):
        weights.append(numpy_helper.from_array(np.array(values), name))
    gates = {"hidden_size": 32, "activations": ["HardSigmoid", "Tanh", "Tanh"]}
    pool = {"kernel_shape": [4], "strides": [4]}
    steps: list[tuple[str, list[str], dict[str, object]]] = [
        ("Reshape", ["rows"], {}),
        ("Conv", ["conv", "conv_bias"], {"kernel_shape": [3]}),
        ("Relu", [], {}),
        ("MaxPool", [], pool),
        ("Transpose", [], {"perm": [2, 0, 1]}),
        ("LSTM", ["w1", "r1", "b1"], gates),
        ("Squeeze", ["axis"], {}),
        ("LSTM", ["w2", "r2", "b2"], gates),
        ("Squeeze", ["axis"], {}),
        ("Transpose", [], {"perm": [1, 2, 0]}),
        ("MaxPool", [], pool),
        ("Reshape", ["flat"], {}),
    ]
    for i in (1, 2, 3):
        steps += [("MatMul", [f"d{i}"], {}), ("Add", [f"e{i}"], {})]
        steps.append(("Relu" if i < 3 else "Sigmoid", [], {}))
    nodes, before = [], "features"
    for number, (operator, inputs, options) in enumerate(steps):
        after = "score" if number == len(steps) - 1 else f"h{number}"
        nodes.append(helper.make_node(operator, [before, *inputs], [after], **options))
        before = after
    put = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size])]
        for name, size in (("features", k), ("score", 1))
    ]
    graph = helper.make_graph(nodes, "recurrent", *put, weights)
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def alone(weights: bytes, features: np.ndarray, batch: int) -> float:
    """Return ONNX Runtime's seconds per localization."""
    session = onnxruntime.InferenceSession(weights, providers=["CPUExecutionProvider"])
    session.run(None, {"features": features[:batch]})
    start = time.perf_counter()
    for first in range(0, len(features), batch):
        session.run(None, {"features": features[first : first + batch]})
    return (time.perf_counter() - start) / len(features)


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    positions = cells(N, 100, np.random.default_rng(0))[0]
    simple = load_model("XPILJZ")
    weights = recurrent(100)
    card = dataclasses.replace(
        simple.card, name="07VEJJ", sha256=hashlib.sha256(weights).hexdigest()
    )
    networks = {"XPILJZ": simple, "07VEJJ": Model(card, weights)}
    ready = caml.nearest_neighbours(positions[:READY], 100).distances
    features = norm_self(ready)
    print(machine())
    print()
    print("ONNX Runtime alone, µs per localization by batch")
    print()
    print(f"| network | {' | '.join(f'{batch:,}' for batch in BATCHES)} |")
    print("|---|" + "---|" * len(BATCHES))
    best = {}
    for name, network in networks.items():
        times = [
            np.median([alone(network.weights, features, batch) for _ in range(REPEATS)])
            for batch in BATCHES
        ]
        best[name] = min(times)
        print(f"| {name} | {' | '.join(f'{one * 1e6:.2f}' for one in times)} |", flush=True)
    print()
    print(f"`classify` on {len(positions):,} localizations")
    print()
    print(
        "| network | neighbours alone s | ONNX Runtime alone s | classify s "
        "| classify − neighbours over ONNX Runtime |"
    )
    print("|---|---|---|---|---|")
    caml.classify(positions, simple)  # compiled once for good
    for name, network in networks.items():
        bare, whole = [], []
        for _ in range(REPEATS if name == "XPILJZ" else 2):
            search = NeighbourSearch(positions)
            bare.append(timed(lambda s=search: list(s.chunks(100, lambda *_: None))))
            fresh = NeighbourSearch(positions)
            whole.append(timed(lambda m=network, s=fresh: caml.classify(positions, m, search=s)))
        near, every = float(np.median(bare)), float(np.median(whole))
        network_alone = best[name] * len(positions)
        print(
            f"| {name} | {near:.2f} | {network_alone:.2f} | {every:.2f} "
            f"| {(every - near) / network_alone:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
