"""Tables and regions in, in nm; results out, whole or not at all."""

from __future__ import annotations

from caml.io.parts import ParquetTable, is_parquet, parquet_rows
from caml.io.read import read
from caml.io.regions import parse_region, read_regions
from caml.io.results import is_in_nm, result_table
from caml.io.write import (
    explain_failures,
    whole_file,
    whole_folder,
    write_json,
    write_outlines,
    write_table,
)

__all__ = [
    "ParquetTable",
    "explain_failures",
    "is_in_nm",
    "is_parquet",
    "parquet_rows",
    "parse_region",
    "read",
    "read_regions",
    "result_table",
    "whole_file",
    "whole_folder",
    "write_json",
    "write_outlines",
    "write_table",
]
