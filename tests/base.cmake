stc_test(unit/base USES base)
stc_test(unit/shape USES base)
stc_test(unit/view USES base)
stc_test(mpi/comm NP 1 2 4 USES base)
