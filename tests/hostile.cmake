# Whatever a file or a command line holds: a clear refusal, no crash, nothing left behind.
stc_test(unit/program_verify SOURCES sim_networks.c sim_zoo.c USES compile passes ir program base)
stc_test(cli/hostile NP 4 TIMEOUT 240)
