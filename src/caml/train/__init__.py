"""Training networks on simulated cells; the only part of caml that needs the training framework.

`networks` are stacks of layers, and `recipes` say what each is fed with and learns from; `draw`
simulates a `pool` to learn from, `fit` trains (with a `checkpoint` after each pass), `calibrate`
makes scores mean what they say, `scores` judges them, `export` takes the stack apart for ONNX, and
`run` does all of it for one network.
"""

import os

# JAX is what the extra installs; Keras would look for TensorFlow.
os.environ.setdefault("KERAS_BACKEND", "jax")
# On a GPU products would be rounded to ten bits, and exported scores differ from trained ones.
os.environ.setdefault("JAX_DEFAULT_MATMUL_PRECISION", "highest")
