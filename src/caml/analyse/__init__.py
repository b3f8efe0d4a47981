"""The whole chain: `chain` for one table, `batch` for many files and the folder of results.

`two_channels` holds the channels of one table against each other.
"""

from caml.analyse.batch import Batch, Outcome, analyse_files
from caml.analyse.chain import Analysis, analyse
from caml.analyse.two_channels import (
    CHANNEL_RESULTS,
    ChannelAnalysis,
    OneOfTwo,
    analyse_channels,
)

__all__ = [
    "CHANNEL_RESULTS",
    "Analysis",
    "Batch",
    "ChannelAnalysis",
    "OneOfTwo",
    "Outcome",
    "analyse",
    "analyse_channels",
    "analyse_files",
]
