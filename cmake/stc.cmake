# The functions that the folders' CMakeLists.txt use:
#   stc_library(<name> SOURCES ... [USES other names] [LINK targets] [OPTIONS compile options])
#   stc_executable(<target> SOURCES ... [USES names] [LINK targets])
#   stc_test(<kind>/<name> [NP 1 2 4] [SOURCES extra] [USES names] [LINK targets]
#            [ENV VAR=value ...] [TIMEOUT seconds] [PLAIN_START])
# The names are those of the folders: base neurons program ir passes partition alloc io compile sim
# cli. Sources are relative to the folder that calls.

# Flags of everything that is compiled here.
add_library(stc_flags INTERFACE)
target_include_directories(stc_flags INTERFACE ${PROJECT_SOURCE_DIR}/include)
target_compile_definitions(stc_flags INTERFACE _GNU_SOURCE STC_VERSION="${PROJECT_VERSION}")
target_compile_options(stc_flags INTERFACE -Wall -Wextra -Wshadow -Wconversion -ffp-contract=off)
target_link_libraries(stc_flags INTERFACE MPI::MPI_C OpenMP::OpenMP_C m)
if(BUILD_SHARED_LIBS)
  # what is exported is said by cmake/libspiketc.map
  target_compile_options(stc_flags INTERFACE -fno-semantic-interposition)
else()
  target_compile_options(stc_flags INTERFACE -fvisibility=hidden)
endif()
if(STC_NATIVE)
  target_compile_options(stc_flags INTERFACE -march=native)
endif()
if(STC_SANITIZE)
  set(sanitize -fsanitize=address,undefined -fno-sanitize-recover=undefined)
  target_compile_options(stc_flags INTERFACE ${sanitize} -fno-omit-frame-pointer)
  target_link_options(stc_flags INTERFACE ${sanitize})
  add_library(stc_keep_dso OBJECT ${PROJECT_SOURCE_DIR}/cmake/keep_dso.c)
  target_link_options(stc_keep_dso INTERFACE -Wl,--export-dynamic-symbol=dlclose)
endif()

function(stc_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;USES;LINK;OPTIONS" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR "stc_library(${name}): SOURCES missing or unknown words: "
            "${arg_UNPARSED_ARGUMENTS}")
  endif()
  list(TRANSFORM arg_USES PREPEND stc_)
  add_library(stc_${name} STATIC ${arg_SOURCES})
  target_link_libraries(stc_${name} PUBLIC ${arg_USES} ${arg_LINK} stc_flags)
  target_compile_options(stc_${name} PRIVATE ${arg_OPTIONS})
  set_property(GLOBAL APPEND PROPERTY STC_LIBRARIES stc_${name})
  set_property(GLOBAL APPEND PROPERTY STC_LINK ${arg_LINK})
endfunction()

function(stc_executable target)
  cmake_parse_arguments(arg "" "" "SOURCES;USES;LINK" ${ARGN})
  list(TRANSFORM arg_USES PREPEND stc_)
  add_executable(${target} ${arg_SOURCES})
  target_link_libraries(${target} PRIVATE ${arg_USES} ${arg_LINK} stc_flags
                        $<TARGET_NAME_IF_EXISTS:stc_keep_dso>)
endfunction()

# Ranks and threads that wait leave the processor to others: there may be more of them than cores.
set(stc_test_environment OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1 OMP_WAIT_POLICY=passive
    STC_SOURCE_DIR=${PROJECT_SOURCE_DIR} STC=${PROJECT_BINARY_DIR}/bin/stc
    ASAN_OPTIONS=detect_leaks=1:fast_unwind_on_malloc=0
    UBSAN_OPTIONS=print_stacktrace=1
    LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/cmake/lsan.supp:print_suppressions=0)

# What MPI finds out at every start, and sleeps meanwhile for longer than most tests compute: that
# there is no fast network here (so ob1 it is), and a daemon for a process without mpirun. Without
# the daemon all such processes have one name, and so need a folder per test for what MPI writes; its
# path is short, as it becomes part of names of sockets.
set(stc_quick_start OMPI_MCA_pml=ob1 OMPI_MCA_ess_singleton_isolated=1)
string(SHA1 stc_mpi_folder ${PROJECT_BINARY_DIR})
string(SUBSTRING ${stc_mpi_folder} 0 8 stc_mpi_folder)
set(stc_mpi_folder /tmp/stc-${stc_mpi_folder})

# Register one test. Each runs in a folder of its own, so that files do not collide. Those that may
# take longest start first. PLAIN_START: MPI starts as it does for a user.
function(stc_add_test name kind processors)
  cmake_parse_arguments(arg "PLAIN_START" "TIMEOUT" "ENV;COMMAND" ${ARGN})
  set(folder ${PROJECT_BINARY_DIR}/tests/run/${name})
  file(MAKE_DIRECTORY ${folder})
  set(environment ${stc_test_environment} OMP_NUM_THREADS=1 ${arg_ENV})
  if(NOT arg_PLAIN_START)
    list(APPEND environment ${stc_quick_start}
         OMPI_MCA_orte_tmpdir_base=${stc_mpi_folder}/${name})
  endif()
  add_test(NAME ${name} COMMAND ${arg_COMMAND} WORKING_DIRECTORY ${folder})
  set_tests_properties(${name} PROPERTIES ENVIRONMENT "${environment}" LABELS ${kind}
                       PROCESSORS ${processors} TIMEOUT ${arg_TIMEOUT} COST ${arg_TIMEOUT}
                       SKIP_RETURN_CODE 77)
endfunction()

# A test is test_<name>.c (with NP: run under mpirun once per number of ranks, and so are all mpi/
# tests), or test_<name>.sh or test_<name>.py, which call mpirun themselves (NP: the most ranks they
# use, for the reader; the command is in the environment variable STC).
function(stc_test path)
  cmake_parse_arguments(arg "PLAIN_START" "TIMEOUT" "NP;SOURCES;USES;LINK;ENV" ${ARGN})
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "stc_test(${path}): unknown words: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  get_filename_component(kind ${path} DIRECTORY)
  get_filename_component(name ${path} NAME)
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  set(rest TIMEOUT ${arg_TIMEOUT} ENV ${arg_ENV})
  if(arg_PLAIN_START)
    list(PREPEND rest PLAIN_START)
  endif()
  list(APPEND rest COMMAND)
  set(file ${PROJECT_SOURCE_DIR}/tests/${kind}/test_${name})
  foreach(pair "sh=bash" "py=${STC_PYTHON}")
    string(REGEX REPLACE "=.*" "" extension ${pair})
    string(REGEX REPLACE "^[a-z]*=" "" interpreter ${pair})
    if(EXISTS ${file}.${extension})
      # mostly starting and ending of short runs: one may wait while another computes
      stc_add_test(${kind}.${name} ${kind} 1 ${rest} ${interpreter} ${file}.${extension})
      return()
    endif()
  endforeach()

  set(target test_${kind}_${name})
  stc_executable(${target} SOURCES ${file}.c ${arg_SOURCES} USES ${arg_USES} LINK cmocka ${arg_LINK})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  # what is tested is optimised; the tests themselves compile three times faster so
  target_compile_options(${target} PRIVATE -O1)
  set_property(GLOBAL APPEND PROPERTY STC_TESTS ${target})
  if(kind STREQUAL mpi AND NOT arg_NP)
    set(arg_NP 1 2 4)
  endif()
  foreach(np IN LISTS arg_NP)
    stc_add_test(${kind}.${name}.np${np} ${kind} ${np} ${rest} ${MPIEXEC_EXECUTABLE} -q -n ${np}
                 --bind-to none $<TARGET_FILE:${target}>)
  endforeach()
  if(NOT arg_NP)
    stc_add_test(${kind}.${name} ${kind} 1 ${rest} $<TARGET_FILE:${target}>)
  endif()
endfunction()
