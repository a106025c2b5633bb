stc_test(unit/neurons USES neurons base)
stc_test(unit/kernels USES kernels base)
stc_test(unit/kernels_element USES kernels base)
