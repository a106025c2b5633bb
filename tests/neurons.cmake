stc_test(unit/neurons_nir USES neurons base)
stc_test(unit/neurons_rules USES neurons base)
