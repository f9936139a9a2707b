# What a program with the source of fuzz/STEM.cpp in it needs besides prumo and prumo_counted, engine and main aside: one
# place for fuzz_STEM and for the tests that the fuzz runner writes, which include that file.
function(prumo_fuzz_needs target stem)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests ${PROJECT_SOURCE_DIR}/fuzz)
  target_link_libraries(${target} PRIVATE prumo_models)
  if(stem STREQUAL "cli")
    find_package(nlohmann_json REQUIRED)
    target_link_libraries(${target} PRIVATE prumo_command nlohmann_json::nlohmann_json)
    target_link_options(${target} PRIVATE  # it brings its own
      LINKER:--wrap=_ZN5prumo3cli14read_bandwidthERNS_10ThreadTeamEm
      LINKER:--wrap=_ZN5prumo3cli9int8_peakERNS_10ThreadTeamENS_3IsaE)
  elseif(stem STREQUAL "model")  # it counts what is mapped
    target_link_options(${target} PRIVATE LINKER:--wrap=mmap LINKER:--wrap=munmap)
  endif()
  if(stem MATCHES "^(gguf_reader|model)$" AND PRUMO_SANITIZE STREQUAL "memory")
    # They count allocations: with their own operator new, which does what this sanitizer's does.
    target_link_options(${target} PRIVATE LINKER:--allow-multiple-definition)
  endif()
endfunction()
