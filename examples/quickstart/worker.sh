#!/bin/sh
# worker.sh NUMBER: pretends to work through a queue, a job every two seconds.
job=0
while :; do
    job=$((job + 1))
    echo "worker ${1:-0}: job $job done"
    sleep 2
done
