#!/bin/sh
# crasher.sh: runs a few seconds, then ends with a status that nobody expects.
echo "up, with pid $$"
sleep 5
echo "giving up"
exit 1
