stc_test(unit/populations USES neurons base)
