# What stands between the tests and the benchmarks. Every program that vouches for the library, and every program
# that times it, carries the SHA-256 of the library it was linked with. The test `proof.stamp` runs only after all
# others have passed in the same ctest run (they are its fixtures, so a part of them cannot stand for the whole),
# checks that every program that vouched carries the library's present hash, and writes proof.stamp into the build
# folder. bench/support/gate.h reads it.
#
# Without PRUMO_PROOF there is no stamp and the hash stands for no library, so that a changed shared library asks for
# no program to be linked again: scripts/mutants changes it a hundred times.

set(PRUMO_STAMP_FILE ${PROJECT_BINARY_DIR}/proof.stamp)

if(PRUMO_PROOF)
  add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/library_hash.cpp
    COMMAND ${CMAKE_COMMAND} -DLIBRARY=$<TARGET_FILE:prumo> -DOUT=${PROJECT_BINARY_DIR}/library_hash.cpp
            -P ${CMAKE_CURRENT_LIST_DIR}/library_hash.cmake
    DEPENDS prumo ${CMAKE_CURRENT_LIST_DIR}/library_hash.cmake
    COMMENT "Hashing the library" VERBATIM)
elseif(NOT EXISTS ${PROJECT_BINARY_DIR}/library_hash.cpp)
  set(OUT ${PROJECT_BINARY_DIR}/library_hash.cpp)
  include(${CMAKE_CURRENT_LIST_DIR}/library_hash.cmake)
endif()
add_library(prumo_hash OBJECT ${PROJECT_BINARY_DIR}/library_hash.cpp)
target_compile_features(prumo_hash PUBLIC cxx_std_20)
target_include_directories(prumo_hash INTERFACE ${CMAKE_CURRENT_LIST_DIR}/..)

# The program `target` is run by tests: it carries the hash, and a stale one makes no stamp.
function(prumo_vouches target)
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:prumo_hash>)
  add_dependencies(${target} prumo_hash)
  set_property(GLOBAL APPEND PROPERTY prumo_vouching_programs $<TARGET_FILE:${target}>)
endfunction()

# The test `name`, already added in this directory, belongs to the proof. Call it for every test but those of the
# label exhaustive, whose samples belong to it in their place.
function(prumo_proof name)
  set_property(TEST ${name} APPEND PROPERTY FIXTURES_SETUP proof)
  set_property(TEST ${name} APPEND PROPERTY DEPENDS proof.begin)
  set_property(GLOBAL APPEND PROPERTY prumo_proof_tests ${name})
endfunction()

# Adds proof.begin and proof.stamp. Last of all, so that no test is forgotten.
function(prumo_proof_ends)
  get_property(proof GLOBAL PROPERTY prumo_proof_tests)
  foreach(part IN ITEMS tests tests/controls tests/exhaustive props fuzz)
    get_property(tests DIRECTORY ${PROJECT_SOURCE_DIR}/${part} PROPERTY TESTS)
    foreach(test IN LISTS tests)
      if(NOT test IN_LIST proof AND NOT test MATCHES "^exhaustive\\.")
        message(FATAL_ERROR "The test ${test} is no part of the proof: call prumo_proof(${test}) where it is added.")
      endif()
    endforeach()
  endforeach()
  get_property(programs GLOBAL PROPERTY prumo_vouching_programs)
  list(JOIN programs "\n" program_lines)
  list(JOIN proof "\n" test_lines)
  file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/proof.programs CONTENT "${program_lines}\n")
  file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/proof.tests CONTENT "${test_lines}\n")

  add_executable(prumo_stamp ${PROJECT_SOURCE_DIR}/bench/support/stamp.cpp)
  target_link_libraries(prumo_stamp PRIVATE prumo_hash prumo_flags)
  add_test(NAME proof.begin COMMAND prumo_stamp begin ${PROJECT_BINARY_DIR})
  set_tests_properties(proof.begin PROPERTIES FIXTURES_SETUP proof LABELS proof)
  add_test(NAME proof.stamp COMMAND prumo_stamp make ${PROJECT_BINARY_DIR})
  set_tests_properties(proof.stamp PROPERTIES FIXTURES_REQUIRED proof LABELS proof)
endfunction()
