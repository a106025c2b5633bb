stc_test(mpi/simulation NP 1 2 3 4 SOURCES sim_networks.c TIMEOUT 120
         USES compile sim ir passes program partition alloc neurons base)
