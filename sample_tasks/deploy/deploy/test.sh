# The test suite: every page has what a page needs.
. deploy/conf.sh
failed=0
for page in repo/*.html; do
    for part in '<title>' 'class="version"' 'style.css'; do
        if grep -q "$part" "$page"; then
            echo "ok     ${page#repo/} has $part"
        else
            echo "FAILED ${page#repo/} has no $part" >&2
            failed=1
        fi
    done
done
for config in repo/config/*.conf; do
    sh -n "$config" && echo "ok     ${config#repo/} can be read"
done
exit $failed
