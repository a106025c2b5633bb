/* input_file.h - what the readers of input files share. Private to io/; everything is Local.
 *
 * input.c opens a file and hands it to the reader of its layout (input_dense.c, input_sonata.c,
 * input_nirdata.c), which appends one array for each input of the program. Values are dense
 * (input_dense.c) or events (input_events.c); arrays of both may lie in one file.
 */
#ifndef STC_IO_INPUT_FILE_H
#define STC_IO_INPUT_FILE_H

#include "h5.h"
#include "stc/input.h"

#define STC_INPUT_MOST_STEPS (INT64_C(1) << 40) /* events later than this are beyond any run */

/* Some value in one step; sorted, in the end at most one for each (sample, step, id). */
typedef struct {
    int64_t step, id; /* id: C-order index in the input node */
    uint32_t sample;
    float value;
} stc_event;

/* Where the values of an array come from: its handle. */
typedef struct {
    bool dense;
    /* dense: (samples, (steps,) shape...) */
    stc_h5_data data;
    bool flat; /* the axes of the shape are one axis in the file */
    /* events, released with the file */
    stc_event *events;
    int64_t nevents, capacity;
} stc_input_values;

typedef struct {
    stc_arena *arena;
    hid_t file;                 /* or the group of a file that is the input */
    hid_t whole;                /* then the file; 0: none */
    const stc_program *program; /* borrowed while the file is opened */
    stc_input_options options;
    double dt;        /* seconds per step of events */
    int ninputs;      /* of the program */
    int64_t longest;  /* steps that files of events say they have; 0: nothing said */
    int64_t late;     /* events beyond what can be a step */
    double last_time; /* seconds; of the latest event */
    stc_input input;
} stc_input_file;

/* ---- input.c ---- */

/* Names of what is in a group (links) against the inputs of the program: with one of each they need
 * not agree. STC_ERR_INPUT naming one that the program does not take. */
int stc_input_match(stc_input_file *f, hid_t group, const char **links, int64_t nlinks);
/* The link that belongs to an input after stc_input_match; it need not exist. NULL: no memory. */
const char *stc_input_link(const stc_input_file *f, const stc_stage *stage, const char **links,
                           int64_t nlinks);
/* Append an array without steps, dense or of events. at: where its samples come from, for the
 * message when they are none or differ from those of the arrays before. */
int stc_input_add(stc_input_file *f, const stc_stage *stage, int64_t samples, bool dense, hid_t at,
                  stc_input_array **out);

/* ---- input_dense.c ---- */

int stc_input_open_dense(stc_input_file *f);
/* Make an open dataset that fits (samples, (steps,) shape...) the array of an input; the dataset is
 * taken, failure or not. flat: (samples, steps, elements) is fine too. */
int stc_input_add_dense(stc_input_file *f, const stc_stage *stage, stc_h5_data *data, bool flat);
/* Copy a box of a C-order tensor of which the first `skipped` elements are not there. */
void stc_input_copy_box(const float *from, int64_t skipped, const stc_shape *shape,
                        const stc_box *box, float *out);
int stc_input_read_dense(const stc_input_array *array, int64_t sample, int64_t first, int64_t count,
                         const stc_box *box, float *out);

/* ---- input_events.c ---- */

/* Datasets of equal shape, (events) or (samples, events); id < 0: absent. */
typedef struct {
    stc_h5_data ids, times, samples, values;
    double unit; /* seconds per unit of times */
    bool padded; /* id -1 with an infinite time is no event */
    bool ends;   /* times are ends of steps: NEST's rule (network.h) */
} stc_event_columns;

/* Open a column; missing is an error only when it is required. */
int stc_event_column(hid_t group, const char *name, bool required, bool integer, stc_h5_data *out);
void stc_event_columns_close(stc_event_columns *columns);
/* Append the array of an input of `samples` samples (0: as many as the events say) and read its
 * events. */
int stc_input_add_events(stc_input_file *f, const stc_stage *stage, int64_t samples,
                         const stc_event_columns *columns);
/* All arrays are there: drop events that lie beyond `steps`, with one warning, and add up those of
 * the same element and step. */
int stc_input_finish_events(stc_input_file *f, int64_t steps);
void stc_input_read_events(const stc_input_array *array, int64_t sample, int64_t first,
                           int64_t count, const stc_box *box, float *out);

/* ---- input_sonata.c, input_nirdata.c ---- */

int stc_input_open_sonata(stc_input_file *f);
int stc_input_open_nirdata(stc_input_file *f);

#endif
