// Whether this build has a sanitizer, told where g++ and clang tell it differently: PRUMO_TEST_ASAN
// for AddressSanitizer, PRUMO_TEST_SANITIZED for any that takes much time and memory.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define PRUMO_TEST_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PRUMO_TEST_ASAN 1
#endif
#if __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define PRUMO_TEST_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(PRUMO_TEST_ASAN)
#define PRUMO_TEST_SANITIZED 1
#endif
