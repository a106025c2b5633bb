stc_test(unit/partition NP 1 USES partition)
stc_test(unit/alloc USES alloc)
stc_test(mpi/partition NP 1 2 4 USES partition)
