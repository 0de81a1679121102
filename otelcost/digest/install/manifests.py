"""A GitHub workflow and a Kubernetes CronJob: files to commit or apply, nothing is run here."""

from __future__ import annotations

import json
from typing import Final

from otelcost.digest.install.plan import EVERY_MINUTES, Job, Plan

_HOME: Final = "/var/lib/otelcost"

_WORKFLOW: Final = """name: otelcost digest
on:
  schedule:
    - cron: "7 * * * *"
  workflow_dispatch:
permissions:
  contents: read
concurrency:
  group: otelcost-digest
  cancel-in-progress: false
jobs:
  digest:
    runs-on: ubuntu-latest
    timeout-minutes: 15
    env:
      OTELCOST_HOME: ${{ github.workspace }}/.otelcost
      SMTP_PASSWORD: ${{ secrets.SMTP_PASSWORD }}
    steps:
      - uses: actions/checkout@v5
      - uses: actions/setup-python@v6
        with:
          python-version: "3.13"
      # The store and the ledger of what was sent. Without the ledger a digest that is due is sent at every run.
      - uses: actions/cache@v4
        with:
          path: .otelcost
          key: otelcost-${{ github.run_id }}-${{ github.run_attempt }}
          restore-keys: otelcost-
      - run: pip install 'otelcost[email]'
      - run: otelcost digest run --due
"""

_CRON_JOB: Final = """apiVersion: batch/v1
kind: CronJob
metadata:
  name: otelcost-digest
spec:
  schedule: "*/{minutes} * * * *"
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 600
  successfulJobsHistoryLimit: 1
  failedJobsHistoryLimit: 3
  jobTemplate:
    spec:
      backoffLimit: 0
      activeDeadlineSeconds: 840
      template:
        spec:
          restartPolicy: Never
          securityContext:
            runAsNonRoot: true
            runAsUser: 10001
            fsGroup: 10001
          containers:
            - name: digest
              image: {image}
              command: ["otelcost", "digest", "run", "--due"]
              env:
                - name: OTELCOST_HOME
                  value: {home}
                - name: OTELCOST_CONFIG
                  value: /etc/otelcost/otelcost.toml
              # Passwords that otelcost.toml takes from variables.
              envFrom:
                - secretRef:
                    name: otelcost-digest
                    optional: true
              securityContext:
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
                capabilities:
                  drop: ["ALL"]
              volumeMounts:
                - name: home
                  mountPath: {home}
                - name: config
                  mountPath: /etc/otelcost
                  readOnly: true
                - name: tmp
                  mountPath: /tmp
          volumes:
            # The store, the spool and the ledger of what was sent: a claim that outlives the job.
            - name: home
              persistentVolumeClaim:
                claimName: otelcost-home
            - name: config
              configMap:
                name: otelcost-config
            - name: tmp
              emptyDir: {{}}
"""


def github(job: Job) -> Plan:
    """A workflow that looks every hour, one run at a time; its cache keeps the store and the ledger."""
    return Plan(
        files={job.folder / ".github" / "workflows" / "otelcost-digest.yml": _WORKFLOW},
        note="commit the file and set the secret SMTP_PASSWORD; the cache of a branch is kept for 7 days without use",
    )


def kubernetes(job: Job) -> Plan:
    """A CronJob that never runs twice at once."""
    body = _CRON_JOB.format(minutes=EVERY_MINUTES, image=json.dumps(job.image), home=_HOME)
    return Plan(
        files={job.folder / "otelcost-digest-cronjob.yaml": body},
        note="kubectl apply -f it; it needs the claim otelcost-home and the config map otelcost-config",
    )
