# What the other scripts share; sourced in the folder of the run.
set -eu
releases() { echo "sites/$1/releases"; }
live() { basename "$(readlink "sites/$1/current")"; }
url() { echo "http://127.0.0.1:$(cat port)/$1/current"; }
switch() { # ENV VERSION: in one rename, so that no visitor ever finds nothing
    ln -s "releases/$2" "sites/$1/current.new"
    mv -T "sites/$1/current.new" "sites/$1/current"
}
