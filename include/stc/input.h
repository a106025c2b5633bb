/* input.h - what is presented to a network: dense arrays or lists of events, read from an HDF5 file
 * (dense, SONATA spikes, NIRData) or held in memory. Local: every rank opens the file and reads
 * what its tiles need. */
#ifndef STC_INPUT_H
#define STC_INPUT_H

#include "stc/program.h"

typedef struct {
    const char *name; /* input node */
    stc_shape shape;  /* of one step, without sample and step axes */
    int64_t steps;    /* length of the step axis; 0: none, the same values at every step */
    bool integer;     /* stored as integers: value = scale * n */
    double scale;     /* attribute "scale", 1 by default */
    void *handle;     /* private to the reader */
} stc_input_array;

typedef struct stc_input stc_input;
struct stc_input {
    const char *path; /* "" when in memory */
    int64_t samples;
    int narrays;
    stc_input_array *arrays;
    int32_t *labels; /* [samples] or NULL */
    /* Read one sample: steps first .. first+count (0, 1 when steps is 0) of box (source axes of the
     * node) as float32 values (scale applied: (float)n * (float)scale) into out[count][box size].
     */
    int (*read)(const stc_input *input, int array, int64_t sample, int64_t first, int64_t count,
                const stc_box *box, float *out);
    void *source;
};

/* All zero: the defaults. */
typedef struct {
    int64_t time_steps; /* of files that hold events alone; 0: the model's, else what they say */
    double dt;          /* seconds per step of events; 0: the model's, else 1e-3 */
    const char *observable; /* of NIRData; NULL: spikes, or the only one */
    const char *group;      /* of an HDF5 file: it is the input; NULL: the whole file is */
} stc_input_options;

/* Open an input file; its layout follows from its content. program tells which inputs and shapes
 * are expected: with exactly one input node and one array, names need not agree. Events are put
 * into steps, those of one element and step added up. options NULL: the defaults. Warns once of
 * events after the last step. STC_ERR_INPUT for a missing file, no samples, wrong shapes (both
 * named), unknown names, labels of another length, NaN, negative times, ids out of range.
 * STC_ERR_USAGE when nothing says how many steps there are, or there is no such observable. */
int stc_input_open(const char *path, const stc_program *program, const stc_input_options *options,
                   stc_input **out);
/* Arrays in memory, borrowed: values[i] [samples][steps or 1][shape]. For tests and benches. */
int stc_input_from_memory(int64_t samples, int narrays, const stc_input_array *arrays,
                          const float *const *values, stc_input **out);
void stc_input_close(stc_input **input);

/* Write an input file: values[i] [samples][steps or 1][shape] as float32, labels [samples] or NULL.
 * Only name, shape and steps of the arrays are used. Local (call on one rank). STC_ERR_IO. */
int stc_input_write(const char *path, int64_t samples, int narrays, const stc_input_array *arrays,
                    const float *const *values, const int32_t *labels);

#endif
