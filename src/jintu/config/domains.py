"""The one place that lists what this node runs."""

FOUNDATION = (
    "jintu.foundation.publication",
    "jintu.foundation.statistics",
    "jintu.foundation.checks",
    "jintu.foundation.layers",
    "jintu.foundation.registers",
    "jintu.foundation.identity",
    "jintu.foundation.journal",
    "jintu.foundation.operations",
)

DOMAINS = (
    "jintu.domains.land",
    "jintu.domains.planning",
    "jintu.domains.survey",
    "jintu.domains.minerals",
    "jintu.domains.enforcement",
)
