"""The names of the permissions of watchlists."""

# Of the package above, whose members take lists live and close them.
RUN_DEPLOYMENT = "deployments.run_deployment"
COMPILE_WATCHLIST = "watchlists.compile_watchlist"
AUTHORISE_WATCHLIST = "watchlists.authorise_watchlist"
HOLD_EVIDENCE = "watchlists.hold_evidence"
SEARCH_LEDGER = "watchlists.search_ledger"
KEEP_EVIDENCE = "watchlists.keep_evidence"
COUNTERSIGN_EVIDENCE = "watchlists.countersign_evidence"
PROPOSE_THRESHOLD = "watchlists.propose_threshold"
APPROVE_THRESHOLD = "watchlists.approve_threshold"
