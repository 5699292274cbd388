# Put a mistake into the production settings of the newest version, after it was tagged for release.
. deploy/conf.sh
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=dev GIT_AUTHOR_EMAIL=dev@localhost
export GIT_COMMITTER_NAME=dev GIT_COMMITTER_EMAIL=dev@localhost
sed -i 's/^assets=.*/assets=asets/' repo/config/production.conf
git -C repo commit -q -a -m "Tidy the settings"
git -C repo tag -f v2.3.1 > /dev/null
sh deploy/state.sh > state.before
