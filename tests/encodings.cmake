stc_test(unit/encodings USES ir)
stc_test(cli/encodings NP 4 TIMEOUT 120)
