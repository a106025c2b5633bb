# Networks of other simulators: what the readers make of their files, and whole runs against NEST.
stc_test(unit/edge_list USES io)
stc_test(unit/sonata USES io)
stc_test(unit/rows USES sim)
stc_test(cli/share NP 4 TIMEOUT 300)
stc_test(cli/networks NP 4 TIMEOUT 300)
