"""The whole chain: `chain` for one table, `batch` for many files and the folder of results.

`two_channels` holds the channels of one table against each other.
"""

from caml.analyse.batch import Batch, Outcome, analyse_files
from caml.analyse.by_method import OURS
from caml.analyse.chain import Analysis, analyse
from caml.analyse.found import Found
from caml.analyse.load import load_results
from caml.analyse.record import Provenance, Settings
from caml.analyse.recorded import Recorded, provenance_of, read_recorded, recorded_of
from caml.analyse.two_channels import (
    CHANNEL_RESULTS,
    ChannelAnalysis,
    OneOfTwo,
    analyse_channels,
)

__all__ = [
    "CHANNEL_RESULTS",
    "OURS",
    "Analysis",
    "Batch",
    "ChannelAnalysis",
    "Found",
    "OneOfTwo",
    "Outcome",
    "Provenance",
    "Recorded",
    "Settings",
    "analyse",
    "analyse_channels",
    "analyse_files",
    "load_results",
    "provenance_of",
    "read_recorded",
    "recorded_of",
]
