/* run_report.h - what `stc run` says about a result. Local; called on rank 0. */
#ifndef STC_CLI_RUN_REPORT_H
#define STC_CLI_RUN_REPORT_H

#include "stc/result.h"

/* path: where it was written, NULL: nowhere. */
void stc_run_print_text(const stc_result *result, const char *path);
void stc_run_print_json(const stc_result *result, const char *path);

#endif
