# libspiketc: the objects of all folder libraries but cli; what is installed, and how others find it.

get_property(folders GLOBAL PROPERTY STC_LIBRARIES)
get_property(links GLOBAL PROPERTY STC_LINK)
list(REMOVE_ITEM folders stc_cli)
list(REMOVE_DUPLICATES links)
list(TRANSFORM folders REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>" OUTPUT_VARIABLE objects)

set(include_dir ${CMAKE_INSTALL_INCLUDEDIR}/spike-transformer-compiler)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/spike-transformer-compiler)

add_library(spiketc ${objects})
set_target_properties(spiketc PROPERTIES LINKER_LANGUAGE C VERSION ${PROJECT_VERSION}
                      SOVERSION ${PROJECT_VERSION_MAJOR})
target_include_directories(spiketc INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                           $<INSTALL_INTERFACE:${include_dir}>)
target_link_libraries(spiketc PUBLIC MPI::MPI_C PRIVATE OpenMP::OpenMP_C ${links} m)
if(BUILD_SHARED_LIBS)
  target_link_options(spiketc PRIVATE
                      -Wl,--version-script,${PROJECT_SOURCE_DIR}/cmake/libspiketc.map)
endif()

install(TARGETS spiketc EXPORT spiketc)
install(DIRECTORY include/stc DESTINATION ${include_dir} FILES_MATCHING PATTERN "*.h")
install(EXPORT spiketc NAMESPACE spike-transformer-compiler:: DESTINATION ${package_dir})
if(TARGET stc)
  set_target_properties(stc PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  install(TARGETS stc)
endif()

include(CMakePackageConfigHelpers)
set(config spike-transformer-compiler-config)
configure_package_config_file(cmake/${config}.cmake.in ${config}.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${config}-version.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${PROJECT_BINARY_DIR}/${config}.cmake ${PROJECT_BINARY_DIR}/${config}-version.cmake
        cmake/FindMETIS.cmake DESTINATION ${package_dir})

get_filename_component(metis_dir ${METIS_LIBRARY} DIRECTORY)
list(GET HDF5_C_LIBRARIES 0 hdf5_library)
configure_file(cmake/spike-transformer-compiler.pc.in spike-transformer-compiler.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/spike-transformer-compiler.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
