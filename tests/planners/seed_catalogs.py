"""Two catalogs in the shape of a tool file, whose contracts give the two well-known example plans.

The point of each contract: `requires` gives the edges, `removes` keeps old facts from lying, `verify`
is the fact that proves the effect, `undo` is copied to each step, `vars` are words that the planner
alone needs (a version that stands in no parameter).
"""

from __future__ import annotations

DEPLOY = """
name: deploy
goals:
  - pattern: deploy $tag to production
    want: [smoke_ok production $tag]
tools:
  - name: run_tests
    description: Run full test suite
    risk: observe
    provides: [tests_ok]
    duration: 60
    script: {shell: "make test"}

  - name: build_docker
    description: Build Docker image
    parameters: [{name: tag, required: true}]
    risk: reversible
    requires: [tests_ok]
    provides: [image $tag]
    idempotent: true
    duration: 90
    script: {shell: "docker build -t app:{{tag}} ."}

  - name: backup_database
    description: Backup $db database
    parameters: [{name: db, default: production}]
    risk: reversible
    provides: [backup $db]
    idempotent: true
    duration: 120
    script: {shell: "pg_dump {{db}} > {{db}}.sql"}

  - name: deploy_staging
    description: Deploy to staging
    parameters: [{name: tag, required: true}]
    risk: disruptive
    requires: [image $tag]
    removes: [deployed staging *, smoke_ok staging *]
    provides: [deployed staging $tag]
    writes: [release staging]
    idempotent: true
    duration: 20
    script: {shell: "./deploy.sh staging {{tag}}"}

  - name: run_smoke_tests
    description: Verify $env works
    parameters: [{name: env, required: true, schema: {enum: [staging, production]}}]
    vars: [tag]
    risk: observe
    requires: [deployed $env $tag]
    provides: [smoke_ok $env $tag]
    duration: 15
    script: {shell: "./smoke.sh {{env}}"}

  - name: deploy_production
    description: Deploy to production
    parameters: [{name: tag, required: true}]
    risk: destructive
    requires: [backup production, smoke_ok staging $tag]
    removes: [deployed production *, smoke_ok production *]
    provides: [deployed production $tag]
    on_failure: {adds: [broken production], removes: [deployed production *, smoke_ok production *]}
    writes: [release production, db production]
    undo: {action: rollback_production, params: {to: previous}}
    verify: smoke_ok production $tag
    duration: 20
    script: {shell: "./deploy.sh production {{tag}}"}

  - name: notify_team
    description: Send notification
    parameters: [{name: message, required: true}]
    risk: reversible
    provides: [notified team]
    duration: 2
    script: {shell: "./notify.sh {{message}}"}

  - name: rollback_production
    description: Switch production back to the release before
    parameters: [{name: to, required: true}]
    risk: disruptive
    recovery: true
    removes: [deployed production *, smoke_ok production *, broken production]
    provides: [deployed production $to]
    writes: [release production]
    idempotent: true
    duration: 10
    script: {shell: "./switch.sh production {{to}}"}
"""

DEPLOY_FACTS = ("deployed production v2.3.0", "deployed staging v2.3.0", "smoke_ok production v2.3.0")

MIGRATE = """
name: sqlite
goals:
  - pattern: migrate $db database to schema $version
    want: [config_updated $db $version]
tools:
  - name: analyze_schema
    description: Analyze current schema
    parameters: [{name: db, required: true}]
    risk: observe
    provides: [schema_known $db]
    script: {shell: "sqlite3 {{db}} .schema"}

  - name: create_backup
    description: Create backup
    parameters: [{name: db, required: true}]
    risk: reversible
    provides: [backup $db]
    script: {shell: "sqlite3 {{db}} .dump"}

  - name: write_migration
    description: Write migration script
    parameters: [{name: db, required: true}, {name: version, required: true}]
    risk: reversible
    requires: [schema_known $db]
    provides: [migration $db $version]
    script: {shell: "./write.sh {{db}} {{version}}"}

  - name: test_migration
    description: Test migration on copy
    parameters: [{name: db, required: true}, {name: version, required: true}]
    risk: observe
    requires: [migration $db $version, backup $db]
    provides: [migration_tested $db $version]
    script: {shell: "./try.sh {{db}} {{version}}"}

  - name: run_migration
    description: Run on production
    parameters: [{name: db, required: true}, {name: version, required: true}]
    risk: destructive
    requires: [migration_tested $db $version, backup $db]
    forbids: [half_migrated $db]
    removes: [integrity_ok $db *]
    provides: [migrated $db $version]
    on_failure: {adds: [half_migrated $db], removes: [integrity_ok $db *]}
    writes: [db $db]
    undo: {action: restore_backup, params: {db: $db}}
    verify: integrity_ok $db $version
    script: {shell: "./migrate.sh {{db}} {{version}}"}

  - name: verify_integrity
    description: Verify data integrity
    parameters: [{name: db, required: true}]
    vars: [version]
    risk: observe
    requires: [migrated $db $version]
    forbids: [half_migrated $db]
    provides: [integrity_ok $db $version]
    script: {shell: "./verify.sh {{db}}"}

  - name: update_config
    description: Update application config
    parameters: [{name: db, required: true}, {name: version, required: true}]
    risk: disruptive
    requires: [integrity_ok $db $version]
    provides: [config_updated $db $version]
    writes: [config $db]
    script: {shell: "./config.sh {{db}} {{version}}"}

  - name: restore_backup
    description: Restore $db from its backup
    parameters: [{name: db, required: true}]
    risk: destructive
    recovery: true
    requires: [backup $db]
    removes: [migrated $db *, half_migrated $db]
    provides: [restored $db]
    writes: [db $db]
    script: {shell: "./restore.sh {{db}}"}
"""
