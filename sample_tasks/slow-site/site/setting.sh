# setting.sh NAME [VALUE]: tell a setting of the shop; with VALUE change it.
sed -n "s/^$1 = //p" site/shop.conf
if [ -n "$2" ]; then
    sed "s/^$1 = .*/$1 = $2/" site/shop.conf > site/shop.conf.new && mv site/shop.conf.new site/shop.conf
fi
