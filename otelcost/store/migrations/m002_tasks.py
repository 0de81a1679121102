"""Tasks are recognised once, while loading: a call holds the number of its task, a small table what it is called.

Calls loaded before have no number yet; `otelcost.store.tasks.assign_missing` gives them theirs.
"""

from __future__ import annotations

from typing import Final

STATEMENTS: Final = (
    "ALTER TABLE calls ADD COLUMN system_simhash BIGINT",
    "ALTER TABLE calls ADD COLUMN task_id INTEGER",
    "ALTER TABLE spans ADD COLUMN task_id INTEGER",
    # `inferred` is what was recognised, `task` what the user calls it; `split` says by what its calls are told
    # apart, `parts` what the parts are called where that is not `task/part`.
    (
        'CREATE TABLE task (task_id INTEGER, "key" VARCHAR, source VARCHAR, inferred VARCHAR, "scope" VARCHAR, '
        "simhash BIGINT, task VARCHAR, split VARCHAR, split_at BIGINT, parts MAP(VARCHAR, VARCHAR))"
    ),
    # Fingerprints seen too seldom to be a task.
    'CREATE TABLE task_candidate ("scope" VARCHAR, simhash BIGINT, seen INTEGER)',
    # By what a shown task is known to what was decided about it before it was renamed.
    "CREATE TABLE task_identity (task VARCHAR, identity VARCHAR)",
    "CREATE TABLE task_decisions (sha256 VARCHAR)",
)
"""The statements of this migration, in order."""
