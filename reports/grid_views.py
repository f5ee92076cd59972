"""The page that checks a published table of results. Nothing of the file is kept."""

from __future__ import annotations

from collections import Counter

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from core.errors import Refused
from core.permissions import permitted
from deployments.permissions import READ_RECORDS
from reports import grid
from reports.grid_rules import MEANINGS, Rule, findings_in
from scrutiny.permissions import SCRUTINISE

# The findings shown; all of them are counted.
SHOWN = 1000


class TableForm(forms.Form):
    """A table of results as CSV."""

    table = forms.FileField(
        label="Table of results (CSV)",
        help_text="One row for each deployment. The first line names the columns.",
        widget=forms.FileInput({"accept": ".csv,text/csv"}),
        error_messages={
            "required": "Select a CSV file.",
            "empty": "The file is empty. Select a CSV file with a header and rows.",
        },
    )


@require_http_methods(["GET", "POST"])
@permitted(READ_RECORDS, SCRUTINISE)
def check_published(request: HttpRequest) -> HttpResponse:
    """Check a table that a force published, and show what does not follow, row by row."""
    form = TableForm(request.POST or None, request.FILES or None)
    context: dict[str, object] = {"form": form, "rules": [(rule, MEANINGS[rule]) for rule in Rule]}
    if request.method == "POST" and form.is_valid():
        try:
            table = grid.read(form.cleaned_data["table"].read(grid.LARGEST + 1))
        except Refused as refusal:
            form.add_error("table", str(refusal))
        else:
            found = findings_in(table, timezone.localdate())
            counts = Counter(finding.rule for finding in found)
            context |= {
                "name": form.cleaned_data["table"].name,
                "rows": len(table.rows),
                "findings": found[:SHOWN],
                "count": len(found),
                "lines": len({finding.line for finding in found}),
                "counts": [(rule, MEANINGS[rule], counts[rule]) for rule in Rule if counts[rule]],
            }
    return render(request, "reports/check_published.html", context, status=422 if form.errors else 200)
