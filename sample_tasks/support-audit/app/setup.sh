# Put the worker's log away, as the nightly job does.
set -eu
gzip -n app/logs/worker.log
mkdir -p app/logs/archive
mv app/logs/worker.log.gz app/logs/archive/
