stc_test(unit/program SOURCES sim_networks.c sim_zoo.c USES compile passes ir program base)
stc_test(unit/compile SOURCES sim_networks.c sim_zoo.c USES compile passes ir program partition base)
