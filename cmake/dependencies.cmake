# What the project needs from the system. Targets for the LINK option of stc_library():
#   MPI::MPI_C OpenMP::OpenMP_C (linked by all), hdf5::hdf5 (io/), METIS::METIS (partition/),
#   PkgConfig::nettle (src/base), PkgConfig::inih, PkgConfig::jansson (src/cli), cmocka (tests).
# Debian 12 packages: .ci/install_packages.

find_package(MPI REQUIRED COMPONENTS C)
find_package(OpenMP REQUIRED COMPONENTS C)
find_package(METIS REQUIRED)

set(HDF5_PREFER_PARALLEL TRUE)
find_package(HDF5 REQUIRED COMPONENTS C)
if(NOT HDF5_IS_PARALLEL)
  message(FATAL_ERROR "The HDF5 library found (${HDF5_C_LIBRARIES}) was built without MPI; a parallel "
          "one is needed. On Debian: apt-get install libhdf5-openmpi-dev. Another place can be given "
          "by -DHDF5_ROOT=DIR; delete CMakeCache.txt after a change.")
endif()

find_package(PkgConfig REQUIRED)
pkg_check_modules(nettle REQUIRED IMPORTED_TARGET nettle)
pkg_check_modules(inih REQUIRED IMPORTED_TARGET inih)
pkg_check_modules(jansson REQUIRED IMPORTED_TARGET jansson)

find_path(RANDOM123_INCLUDE_DIR Random123/philox.h)
if(NOT RANDOM123_INCLUDE_DIR)
  message(FATAL_ERROR "Random123/philox.h was not found. On Debian: apt-get install librandom123-dev")
endif()
mark_as_advanced(RANDOM123_INCLUDE_DIR)

if(BUILD_TESTING)
  find_package(cmocka REQUIRED CONFIG)
  if(NOT TARGET cmocka)
    add_library(cmocka INTERFACE IMPORTED)
    set_target_properties(cmocka PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${CMOCKA_INCLUDE_DIR}"
                          INTERFACE_LINK_LIBRARIES "${CMOCKA_LIBRARIES}")
  endif()
endif()
