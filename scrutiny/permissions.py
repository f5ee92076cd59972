"""The names of the permissions of scrutiny."""

SCRUTINISE = "scrutiny.scrutinise"
ANSWER_FINDINGS = "scrutiny.answer_findings"
