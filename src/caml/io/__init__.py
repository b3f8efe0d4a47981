"""Tables and regions in, in nm; results out, whole or not at all."""

from __future__ import annotations

from caml.io.convert import convert_to_parquet, is_text
from caml.io.outlines import read_outlines
from caml.io.parts import ParquetTable, is_parquet, parquet_rows
from caml.io.read import read
from caml.io.read_results import ResultTable, read_result_table
from caml.io.regions import parse_region, read_regions
from caml.io.results import is_in_nm, position_table, result_table
from caml.io.whole import (
    check_free_path,
    check_replaceable,
    explain_failures,
    remove_leftovers,
    remove_whole,
    whole_file,
    whole_folder,
)
from caml.io.write import write_json, write_outlines, write_table

__all__ = [
    "ParquetTable",
    "ResultTable",
    "check_free_path",
    "check_replaceable",
    "convert_to_parquet",
    "explain_failures",
    "is_in_nm",
    "is_parquet",
    "is_text",
    "parquet_rows",
    "parse_region",
    "position_table",
    "read",
    "read_outlines",
    "read_regions",
    "read_result_table",
    "remove_leftovers",
    "remove_whole",
    "result_table",
    "whole_file",
    "whole_folder",
    "write_json",
    "write_outlines",
    "write_table",
]
