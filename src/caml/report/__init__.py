"""One self-contained page for an image, and one for a batch, to look at, print and mail.

`page` fills the templates, `payload` packs what the picture shows, `words` says what was asked and
found, `again` writes the lines that give the same, `saved` does all that for results in folders.
What the browser runs is in ``assets/``.
"""

from caml.report.batch import save_batch_report, save_first_page
from caml.report.page import report, save_report
from caml.report.saved import save_report_of_results

__all__ = [
    "report",
    "save_batch_report",
    "save_first_page",
    "save_report",
    "save_report_of_results",
]
