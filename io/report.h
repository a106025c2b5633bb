/* report.h - what the files with records of a run share: traces, small attributes. Private to io/.
 */
#ifndef STC_IO_REPORT_H
#define STC_IO_REPORT_H

#include "h5.h"
#include "stc/result.h"

/* Attribute `shape`: a vector of integers, empty for a scalar. */
int stc_report_set_shape(hid_t object, const stc_shape *shape);

/* Type of the values of a trace in a file: that of the state. */
static inline hid_t stc_report_type(const stc_trace *trace)
{
    return trace->single ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE;
}

/* Room for the values of all traces, with their ids. */
int64_t stc_report_bytes(const stc_result *result);

/* Make /report with a group for each trace. Collective, as all that creates. */
int stc_report_create(hid_t root, const stc_result *result, stc_arena *arena);
/* Write the traces. For the rank that holds the values; others have nothing to write. */
int stc_report_write(hid_t root, const stc_result *result, stc_arena *arena);

/* Write the values of a trace into a dataset of axes ((samples,) steps, ids), piece by piece. */
int stc_report_write_values(const stc_h5_data *data, const stc_result *result,
                            const stc_trace *trace);

#endif
