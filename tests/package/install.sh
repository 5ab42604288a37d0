#!/bin/sh
# Install what BUILD holds and build a program with it, by CMake and by pkg-config: install.sh BUILD SCRATCH CC
set -eu

build=$1 scratch=$2 compiler=$3
source=$(dirname "$0")
prefix=$scratch/prefix

rm -rf "$scratch"
cmake --install "$build" --prefix "$prefix" >/dev/null
cmake -S "$source" -B "$scratch/consumer" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$compiler" >/dev/null
cmake --build "$scratch/consumer" >/dev/null
"$scratch/consumer/with-slotcask"
"$scratch/consumer/with-slotcask-static"

pc_folder=$(dirname "$(find "$prefix" -name slotcask.pc)")
flags() { PKG_CONFIG_PATH=$pc_folder pkg-config --define-variable=prefix="$prefix" "$@" slotcask; }
# shellcheck disable=SC2046 # flags are words
"$compiler" "$source/consumer.c" -o "$scratch/with-pkg-config" $(flags --cflags --libs)
LD_LIBRARY_PATH=$(flags --variable=libdir) "$scratch/with-pkg-config"

"$prefix/bin/slotcask" --version
test -f "$prefix/share/man/man1/slotcask.1"
test -f "$prefix/share/man/man5/slotcask-format.5"
