# URL: what a visitor gets.
if [ -f flaky ]; then
    rm flaky
    echo "$1: connection reset" >&2
    exit 1
fi
if command -v curl > /dev/null; then
    exec curl -fsS --noproxy '*' --max-time 5 "$1"
fi
exec python3 -c '
import sys, urllib.request as request
opener = request.build_opener(request.ProxyHandler({}))
try:
    sys.stdout.buffer.write(opener.open(sys.argv[1], timeout=5).read())
except OSError as error:
    sys.exit(f"{sys.argv[1]}: {error}")' "$1"
