#!/bin/sh
# Makes the two secrets that the manifests name, from the files that
# compose/secrets.sh makes (put your own certificate in their place):
#
#   deploy/compose/secrets.sh DIR && deploy/kubernetes/secret.example.sh DIR
#
# There is no manifest with secrets here on purpose: it would end up in a repository.
set -eu
dir=${1:?a directory with keys.json, signer.pem, signer-key.pem, ca.pem and pgpass}
kubectl create secret generic avow-keys --from-file="$dir/keys.json" --from-file="$dir/signer.pem" \
  --from-file="$dir/signer-key.pem" --from-file="$dir/ca.pem"
# A line as PostgreSQL's password files have them: HOST:5432:avow:avow:PASSWORD
kubectl create secret generic avow-database --from-file="$dir/pgpass"
