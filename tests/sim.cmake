stc_test(mpi/simulation NP 1 2 3 4 SOURCES sim_networks.c sim_zoo.c TIMEOUT 900
         USES compile sim ir passes program partition alloc neurons base)
# asks for more memory than there is
stc_test(mpi/run_errors USES compile sim ir passes program partition alloc neurons base
         ENV ASAN_OPTIONS=detect_leaks=1:fast_unwind_on_malloc=0:allocator_may_return_null=1)
stc_test(unit/wire USES sim base)
stc_test(mpi/transport NP 1 2 3 7 USES sim base)
