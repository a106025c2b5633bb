# Find METIS 5, which ships neither a pkg-config file nor a CMake package.
# Defines METIS_VERSION, METIS_IDX_WIDTH (bits of idx_t) and the target METIS::METIS.

find_path(METIS_INCLUDE_DIR metis.h)
find_library(METIS_LIBRARY metis)
mark_as_advanced(METIS_INCLUDE_DIR METIS_LIBRARY)

# The value of an integer macro of metis.h.
function(_metis_macro name out)
  file(STRINGS ${METIS_INCLUDE_DIR}/metis.h line REGEX "^#define[ \t]+${name}[ \t]+[0-9]+" LIMIT_COUNT 1)
  string(REGEX REPLACE "^#define[ \t]+${name}[ \t]+([0-9]+).*" "\\1" value "${line}")
  set(${out} "${value}" PARENT_SCOPE)
endfunction()

if(METIS_INCLUDE_DIR)
  _metis_macro(METIS_VER_MAJOR _metis_major)
  _metis_macro(METIS_VER_MINOR _metis_minor)
  _metis_macro(METIS_VER_SUBMINOR _metis_subminor)
  _metis_macro(IDXTYPEWIDTH METIS_IDX_WIDTH)
  set(METIS_VERSION ${_metis_major}.${_metis_minor}.${_metis_subminor})
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(METIS REQUIRED_VARS METIS_LIBRARY METIS_INCLUDE_DIR
                                  VERSION_VAR METIS_VERSION)
if(METIS_FOUND AND NOT TARGET METIS::METIS)
  add_library(METIS::METIS UNKNOWN IMPORTED)
  set_target_properties(METIS::METIS PROPERTIES IMPORTED_LOCATION "${METIS_LIBRARY}"
                        INTERFACE_INCLUDE_DIRECTORIES "${METIS_INCLUDE_DIR}"
                        INTERFACE_LINK_LIBRARIES m)
endif()
