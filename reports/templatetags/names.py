"""The template filter that shows names instead of ids."""

from __future__ import annotations

from collections.abc import Mapping

from django import template

register = template.Library()


@register.filter
def named(value: object, names: Mapping[str, str]) -> object:
    """Return the name of an id, or the value itself if it is no id that has one."""
    return names.get(str(value), value)
