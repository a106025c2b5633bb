stc_test(mpi/simulation NP 1 2 3 USES compile sim ir passes program partition alloc neurons base TIMEOUT 120)
