#!/bin/bash -eu
# Builds every target of fuzz/ by the contract that OSS-Fuzz and ClusterFuzzLite share. Run in the root of the tree;
# compiler, flags and engine come from the environment: $CC $CXX $CFLAGS $CXXFLAGS $LIB_FUZZING_ENGINE. What is built goes
# to $OUT, what is between to $WORK. scripts/fleet runs it without a container.
: "${CXX:?} ${CXXFLAGS?} ${LIB_FUZZING_ENGINE:?} ${OUT:?} ${WORK:?}"

memory=()
if [[ $CXXFLAGS == *-fsanitize=memory* ]]; then
  memory=(-DCMAKE_EXE_LINKER_FLAGS=-Wl,--allow-multiple-definition) # a target has its own operator new
fi
# The compiler and its flags are CMake's to read from the environment.
cmake -S . -B "$WORK/build" -G Ninja -DCMAKE_BUILD_TYPE=None "-DPRUMO_FUZZ_ENGINE=$LIB_FUZZING_ENGINE" -DPRUMO_CLI=OFF \
  -DPRUMO_TESTS=OFF -DPRUMO_PROPS=OFF -DPRUMO_BENCH=OFF -DPRUMO_INSTALL=OFF -DPRUMO_PROOF=OFF "${memory[@]}"
cmake --build "$WORK/build" -j "${JOBS:-$(nproc)}"

for source in fuzz/*.cpp; do
  name=$(basename "$source" .cpp)
  target=fuzz_$name
  cp "$WORK/build/fuzz/$target" "$OUT/"
  rm -f "$OUT/${target}_seed_corpus.zip"
  (cd "fuzz/corpus/$name" && zip -q -X -r "$OUT/${target}_seed_corpus.zip" .)
  for dictionary in "fuzz/$name.dict" "fuzz/dict/$name.dict"; do
    [[ ! -f $dictionary ]] || cp "$dictionary" "$OUT/$target.dict"
  done
  if [[ -f fuzz/$name.options ]]; then
    cp "fuzz/$name.options" "$OUT/$target.options"
  else
    printf '[libfuzzer]\nmax_len = 16384\n' >"$OUT/$target.options" # as scripts/fuzz has it
  fi
done
