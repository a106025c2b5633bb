/* run_report.h - what `stc run` says about a result. Local; called on rank 0. */
#ifndef STC_CLI_RUN_REPORT_H
#define STC_CLI_RUN_REPORT_H

#include "stc/result.h"

/* path, nirdata: where it was written, NULL: not in this form. */
void stc_run_print_text(const stc_result *result, const char *path, const char *nirdata);
void stc_run_print_json(const stc_result *result, const char *path, const char *nirdata);

#endif
