# NIR: the reader's own rules, what is written reads back, and the published models.
stc_test(unit/nir_rules USES io)
stc_test(unit/nir_read USES io)
stc_test(unit/nir_write USES io)
stc_test(cli/nir NP 4 TIMEOUT 600)
