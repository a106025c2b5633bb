# METIS allocates so often that unwinding each allocation takes minutes: no leak search here, the
# test nothing_is_left_allocated counts instead.
stc_test(unit/partition NP 1 USES partition ENV ASAN_OPTIONS=detect_leaks=0)
stc_test(unit/partition_metis NP 1 USES partition ENV ASAN_OPTIONS=detect_leaks=0)
stc_test(unit/partition_costs NP 1 USES partition ENV ASAN_OPTIONS=detect_leaks=0)
stc_test(unit/partition_multilevel NP 1 USES partition ENV ASAN_OPTIONS=detect_leaks=0)
stc_test(unit/partition_lists NP 1 USES partition ENV ASAN_OPTIONS=detect_leaks=0)
stc_test(unit/partition_hgr NP 1 USES partition)
stc_test(mpi/partition NP 1 2 4 USES partition ENV ASAN_OPTIONS=detect_leaks=0)
stc_test(mpi/partition_shards NP 1 2 4 USES partition ENV ASAN_OPTIONS=detect_leaks=0)
stc_test(unit/alloc USES alloc)
stc_test(unit/io_partition NP 1 USES io)
stc_test(cli/partition_costs NP 3 TIMEOUT 120)
