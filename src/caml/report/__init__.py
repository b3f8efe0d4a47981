"""One self-contained page for an image, and one for a batch, to look at, print and mail.

`page` fills the templates, `found` is what it is made of, `payload` packs what the picture shows,
`words` says what was asked and found, `again` writes the lines that give the same. What the browser
runs is in ``assets/``.
"""

from caml.report.batch import save_batch_report, save_first_page
from caml.report.page import report, save_report, save_report_of_parts
from caml.report.saved import save_report_of_results

__all__ = [
    "report",
    "save_batch_report",
    "save_first_page",
    "save_report",
    "save_report_of_parts",
    "save_report_of_results",
]
