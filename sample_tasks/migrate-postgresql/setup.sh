# Build the world: a server, a database of schema v1, and the settings of its application.
set -eu
printf 'name=shop\nschema=v1\n' > shop.conf
sh server.sh init
sh server.sh load
