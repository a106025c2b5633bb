stc_test(cli/self_check NP 4 TIMEOUT 120)
