# The Python package, with Debian's python3-h5py alone; plots and torch are tested by tests/interop.
foreach(name result graph command names)
  stc_add_test(python.${name} python 1 TIMEOUT 300 COMMAND
               ${STC_PYTHON} ${PROJECT_SOURCE_DIR}/python/tests/test_${name}.py)
endforeach()
