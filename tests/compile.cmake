stc_test(unit/program SOURCES sim_networks.c USES compile passes ir program base)
stc_test(unit/compile SOURCES sim_networks.c USES compile passes ir program partition base)
