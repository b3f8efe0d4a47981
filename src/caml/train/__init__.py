"""Training networks on simulated cells; the only part of caml that needs the training framework.

`networks` are stacks of layers, `pool` is what they learn from, `fit` trains and scores them,
`export` writes them as ONNX, and `run` does all of it for one network.
"""

import os

# JAX is what the extra installs; Keras would look for TensorFlow.
os.environ.setdefault("KERAS_BACKEND", "jax")
