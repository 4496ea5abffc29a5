#!/bin/bash
# What lading is measured against: the steps of a publish task of 2016, with nothing but bash, curl and docker.
# Takes what a task has (TASK_ID, RUN_ID, TASKCLUSTER_PROXY_URL) and BENCH_SECRET, BENCH_REPOSITORY, BENCH_BRANCH,
# BENCH_COMMIT, BENCH_DATE; runs in the checkout; tells on standard error when its push begins.
set -euo pipefail

repository=$BENCH_REPOSITORY
branch_tag=$BENCH_BRANCH
date_tag=$BENCH_BRANCH-$BENCH_DATE

field() { python3 -c 'import json, sys; print(eval("json.load(sys.stdin)" + sys.argv[1]))' "$1"; }

password=$(curl --silent --show-error --fail --retry 5 --retry-delay 10 \
    "$TASKCLUSTER_PROXY_URL/secrets/v1/secret/$BENCH_SECRET" | field '["secret"]["docker"]["password"]')

cat >version.json <<JSON
{"commit": "$BENCH_COMMIT", "version": "1.0", "source": "https://github.com/mozilla/balrog", "build": "$TASK_ID"}
JSON

docker build --tag "$repository:$branch_tag" .
docker tag "$repository:$branch_tag" "$repository:$date_tag"
docker login --username publisher --password "$password" "${repository%%/*}"
printf 'push begins %s\n' "$EPOCHREALTIME" >&2
docker push "$repository:$branch_tag"
docker push "$repository:$date_tag"
printf 'push ends %s\n' "$EPOCHREALTIME" >&2

docker images --no-trunc --format '{{.ID}}' "$repository:$date_tag" | sort -u >sha256.txt
expires=$(date --utc --date '+10 days' +%Y-%m-%dT%H:%M:%S.000Z)
artifact="$TASKCLUSTER_PROXY_URL/queue/v1/task/$TASK_ID/runs/$RUN_ID/artifacts/public/docker-image-shasum256.txt"
put_url=$(curl --silent --show-error --fail --retry 5 --retry-delay 10 --header 'Content-Type: application/json' \
    --data "{\"storageType\": \"s3\", \"contentType\": \"text/plain\", \"expires\": \"$expires\"}" "$artifact" |
    field '["putUrl"]')
curl --silent --show-error --fail --retry 5 --retry-delay 10 --header 'Content-Type: text/plain' \
    --upload-file sha256.txt "$put_url"
