# The real binary: usage, files, what it prints, and one answer everywhere. NP: the most ranks used.
stc_test(cli/usage NP 4 TIMEOUT 120 PLAIN_START)
stc_test(cli/inspect NP 4 TIMEOUT 120)
stc_test(cli/bad_input NP 4 TIMEOUT 240)
stc_test(cli/digits NP 4 TIMEOUT 120 PLAIN_START)
stc_test(cli/inputs NP 3 TIMEOUT 120)
stc_test(cli/records NP 4 TIMEOUT 120)
stc_test(cli/determinism NP 8 TIMEOUT 300)
stc_test(cli/recurrent NP 16 TIMEOUT 300)
