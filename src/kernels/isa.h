// Instruction sets as source regions. No file is compiled with ISA flags: code inlined from a
// header would then carry those instructions into programs that run elsewhere. Functions between
// BEGIN and END may use them.
#pragma once

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "Prumo's arithmetic is exact: build it without -ffast-math"
#endif

#if defined(__x86_64__)
#define PRUMO_X86 1
#if defined(__GNUC__) && !defined(__clang__)
// GCC's own headers start an undefined vector from itself, and GCC then warns of it wherever
// they are inlined.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#else
#include <immintrin.h>
#endif
#else
#define PRUMO_X86 0
#endif

// clang-format off
#if defined(__clang__)
#define PRUMO_AVX2_BEGIN _Pragma("clang attribute push(__attribute__((target(\"avx2,fma,f16c\"))), apply_to = function)")
#define PRUMO_AVX512_BEGIN _Pragma("clang attribute push(__attribute__((target(\"avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni\"))), apply_to = function)")
#define PRUMO_ISA_END _Pragma("clang attribute pop")
#else
#define PRUMO_AVX2_BEGIN _Pragma("GCC push_options") _Pragma("GCC target(\"avx2,fma,f16c\")")
#define PRUMO_AVX512_BEGIN _Pragma("GCC push_options") _Pragma("GCC target(\"avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni\")")
#define PRUMO_ISA_END _Pragma("GCC pop_options")
#endif
// clang-format on
