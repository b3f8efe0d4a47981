"""Time networks within `classify` against ONNX Runtime alone over inputs that are ready.

    python benchmarks/bench_network.py

XPILJZ is the network that comes with the package; 07VEJJ and 87B144 (convolution, pooling, two
recurrent layers of 32) and SHB8HY (XPILJZ for 1000 neighbours) have the paper's layers with weights
by chance, which take as long as trained ones. ONNX Runtime alone has the inputs in memory, one
session on all cores, and the batch that suits it best. Prints Markdown tables; 10 minutes.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from large_table import cells
from machine import machine
from onnx import TensorProto, helper, numpy_helper

import caml
from caml.features import features
from caml.models import Model, load_model
from caml.neighbours import NeighbourSearch

BATCHES = (16, 128, 1_024, 4_096)
# At k = 100; a tenth of them at k = 1000.
N = 1_000_000
# So many inputs are made ready for ONNX Runtime alone; its time is per localization.
READY = 100_000
REPEATS = 3
PEAK = str(Path(__file__).with_name("peak_memory.py"))
MEMORY_N = (250_000, 1_000_000)


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
    return written("recurrent", k, weights, steps)


def separable(k: int) -> bytes:
    """Write the layers of XPILJZ for k neighbours (SHB8HY has 1000), with weights by chance."""
    generator = np.random.default_rng(0)
    shapes = {"w1": (32,), "b1": (32,), "w2": (32 * k, 1), "b2": (1,)}
    weights = [
        numpy_helper.from_array(generator.normal(0, 0.1, shape).astype(np.float32), name)
        for name, shape in shapes.items()
    ]
    for name, values in (("each", [-1, k, 1]), ("flat", [-1, 32 * k])):
        weights.append(numpy_helper.from_array(np.array(values), name))
    return written(
        "separable",
        k,
        weights,
        [
            ("Reshape", ["each"], {}),
            ("Mul", ["w1"], {}),
            ("Add", ["b1"], {}),
            ("Relu", [], {}),
            ("Reshape", ["flat"], {}),
            ("MatMul", ["w2"], {}),
            ("Add", ["b2"], {}),
            ("Sigmoid", [], {}),
        ],
    )


def written(
    name: str, k: int, weights: list[TensorProto], steps: list[tuple[str, list[str], dict]]
) -> bytes:
    """Write a network that is a chain of operators."""
    nodes, before = [], "features"
    for number, (operator, inputs, options) in enumerate(steps):
        after = "score" if number == len(steps) - 1 else f"h{number}"
        nodes.append(helper.make_node(operator, [before, *inputs], [after], **options))
        before = after
    put = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size])]
        for name, size in (("features", k), ("score", 1))
    ]
    graph = helper.make_graph(nodes, name, *put, weights)
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


def networks() -> dict[str, Model]:
    """Make the four networks: one that comes with the package, and three with weights by chance."""
    simple = load_model("XPILJZ")
    made = {"XPILJZ": simple}
    for name, k, weights in (
        ("07VEJJ", 100, recurrent(100)),
        ("SHB8HY", 1000, separable(1000)),
        ("87B144", 1000, recurrent(1000)),
    ):
        sha256 = hashlib.sha256(weights).hexdigest()
        made[name] = Model(dataclasses.replace(simple.card, name=name, k=k, sha256=sha256), weights)
    return made


def print_alone(positions: np.ndarray, every: dict[str, Model]) -> dict[str, float]:
    """Time ONNX Runtime by itself; return the seconds per localization of the best batch."""
    print("ONNX Runtime alone, µs per localization by batch")
    print()
    print(f"| network | k | {' | '.join(f'{batch:,}' for batch in BATCHES)} |")
    print("|---|---|" + "---|" * len(BATCHES))
    best = {}
    for name, network in every.items():
        k = network.card.k
        near = caml.nearest_neighbours(positions[: READY * 100 // k], k)
        ready = features(near, network.card.input)
        times = [
            np.median([alone(network.weights, ready, batch) for _ in range(REPEATS)])
            for batch in BATCHES
        ]
        best[name] = min(times)
        cells_ = " | ".join(f"{one * 1e6:.2f}" for one in times)
        print(f"| {name} | {k} | {cells_} |", flush=True)
    return best


def print_batches(positions: np.ndarray, every: dict[str, Model]) -> None:
    """Time `classify` by how many localizations a network looks at in one run."""
    module = sys.modules["caml.models.model"]
    chosen, fewest = module.BATCH, module.SMALLEST_BATCH
    print(f"| network | k | {' | '.join(f'{batch:,}' for batch in BATCHES)} |")
    print("|---|---|" + "---|" * len(BATCHES))
    module.SMALLEST_BATCH = 1
    for name in ("07VEJJ", "87B144"):
        k = every[name].card.k
        some = positions[: 150_000 * 100 // k]
        times: dict[int, list[float]] = {batch: [] for batch in BATCHES}
        for _ in range(REPEATS):
            for batch, found in times.items():
                module.BATCH = batch * k
                work = functools.partial(caml.classify, some, every[name])
                found.append(timed(work) / len(some) * 1e6)
        row = " | ".join(f"{np.median(found):.1f}" for found in times.values())
        print(f"| {name} | {k} | {row} |", flush=True)
    module.BATCH, module.SMALLEST_BATCH = chosen, fewest


def print_classify(positions: np.ndarray, every: dict[str, Model], best: dict[str, float]) -> None:
    """Time `classify`, and what of it is the network's."""
    print(
        "| network | localizations | neighbours alone s | ONNX Runtime alone s | classify s "
        "| classify − neighbours over ONNX Runtime |"
    )
    print("|---|---|---|---|---|---|")
    caml.classify(positions, every["XPILJZ"])  # compiled once for good
    for name, network in every.items():
        k = network.card.k
        some = positions[: len(positions) * 100 // k]
        bare, whole = [], []
        for _ in range(REPEATS):
            search = NeighbourSearch(some)
            bare.append(timed(lambda s=search, k=k: list(s.chunks(k, lambda *_: None))))
            fresh = NeighbourSearch(some)
            whole.append(timed(lambda m=network, s=fresh, p=some: caml.classify(p, m, search=s)))
        near, all_of_it = float(np.median(bare)), float(np.median(whole))
        network_alone = best[name] * len(some)
        print(
            f"| {name} | {len(some):,} | {near:.2f} | {network_alone:.2f} | {all_of_it:.2f} "
            f"| {(all_of_it - near) / network_alone:.2f} |",
            flush=True,
        )


def print_memory(every: dict[str, Model]) -> None:
    """Measure the peak memory of `classify` in processes of their own, at two sizes."""
    print(
        f"| network | k | {' MB | '.join(f'{n:,}' for n in MEMORY_N)} MB | bytes each | MB at 0 |"
    )
    print("|---|---|" + "---|" * (len(MEMORY_N) + 2))
    with tempfile.TemporaryDirectory() as folder:
        for name, network in every.items():
            path = Path(folder, f"{name}.onnx")
            path.write_bytes(network.weights)
            path.with_suffix(".json").write_text(network.card.as_json())
            peaks = []
            for n in MEMORY_N:
                command = [sys.executable, PEAK, str(path), str(n)]
                found = subprocess.run(command, check=True, capture_output=True, text=True)
                peaks.append(float(found.stdout))
            each = (peaks[1] - peaks[0]) * 1e6 / (MEMORY_N[1] - MEMORY_N[0])
            print(
                f"| {name} | {network.card.k} | {peaks[0]:.0f} | {peaks[1]:.0f} | {each:.0f} "
                f"| {peaks[0] - each * MEMORY_N[0] / 1e6:.0f} |",
                flush=True,
            )


def main() -> None:
    every = networks()
    print(machine())
    print()
    # First: a process's peak begins at the size of the one that started it.
    print("Peak memory of `classify`")
    print()
    print_memory(every)
    positions = cells(N, 100, np.random.default_rng(0))[0]
    print()
    best = print_alone(positions, every)
    print()
    print("`classify`, and what of it is the network's")
    print()
    print_classify(positions, every, best)
    print()
    print("`classify` by the localizations that a network looks at in one run, µs each")
    print()
    print_batches(positions, every)


if __name__ == "__main__":
    main()
