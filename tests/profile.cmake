# What is measured and what is predicted from it, by the real binary.
stc_test(cli/profile NP 4 TIMEOUT 300)
stc_test(cli/partition NP 3 TIMEOUT 120)
