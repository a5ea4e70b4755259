"""What was found out, as pages: lecture.html, one of each experiment, and lecture.md."""

from experiments.page.build import Section, section, write_page
from experiments.page.outcome import TO_COME, Outcome, counted, verdict_rows

__all__ = ["TO_COME", "Outcome", "Section", "counted", "section", "verdict_rows", "write_page"]
