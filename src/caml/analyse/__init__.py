"""The whole chain: `chain` for one table, `batch` for many files and the folder of results."""

from caml.analyse.batch import Batch, Outcome, analyse_files
from caml.analyse.chain import Analysis, analyse

__all__ = ["Analysis", "Batch", "Outcome", "analyse", "analyse_files"]
