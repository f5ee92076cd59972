"""The name of the permission of cases."""

KEEP_CASES = "cases.keep_cases"
