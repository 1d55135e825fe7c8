#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# suites.sh list|check|long: what the folders beside this script declare; suites.awk says how, and what it prints.
set -u
export LC_ALL=C # the order of the folders

cd "$(dirname "$0")/.." || exit 1
emit=${1:-list}
set --
for folder in tests/*/; do
    set -- "$@" "${folder}suite"
done
exec awk -v emit="$emit" -f tests/suites.awk "$@"
