# Writes a source file that holds the SHA-256 of LIBRARY, as text that can be found in any program linked with it.
# No LIBRARY: zeros, which are the hash of none.
string(REPEAT 0 64 hash)
if(LIBRARY)
  file(SHA256 "${LIBRARY}" hash)
endif()
file(WRITE "${OUT}" "extern \"C\" {
extern const char prumo_library_hash[];
[[gnu::used]] const char prumo_library_hash[] = \"prumo-library-sha256:${hash}\";
}
")
