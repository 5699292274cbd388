# TAG: remove the image of a version.
. deploy/conf.sh
rm -f "images/$1.tar.gz"
echo "removed images/$1.tar.gz"
