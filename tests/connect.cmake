stc_test(unit/connect USES program base)
stc_test(unit/connect_same USES program base)
stc_test(unit/connect_draws USES program base)
stc_test(unit/synapses USES synapses base)
