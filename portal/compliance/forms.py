"""What people fill in about history."""

from collections.abc import Mapping
from typing import Any

from django import forms

from portal.compliance.queries.retention import KINDS, MOST_DAYS


class RetentionForm(forms.Form):
    """A number of days for each kind of history, in the order of KINDS."""

    def __init__(self, kept: Mapping[str, int], data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data, initial=dict(kept))
        for kind, about in KINDS.items():
            field = forms.IntegerField(
                label=about.label, min_value=about.least, max_value=MOST_DAYS
            )
            field.widget.attrs["aria-label"] = f"{about.label}: days"
            self.fields[kind] = field
