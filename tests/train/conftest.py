"""Training tests import Keras: caml.train chooses its backend first, whichever file runs alone."""

import caml.train  # noqa: F401 - for what it sets
