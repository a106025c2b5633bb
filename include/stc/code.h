/* code.h - the table of codes: how values become spikes over time, and how spikes over time become
 * values again. Encoders and decoders, and windows over time. One file per code in sim/codes/, one
 * line in sim/codes/list.h: CODE(rate_encoding). docs/encodings.md says what each one means.
 *
 * A code works on every element by itself: it sees the values of its operand step by step and may
 * keep a state over the steps of a sample. The reference evaluation and the simulator call the same
 * function, and random numbers are keyed by what is drawn, so that both give the same bits.
 * Everything is Local and thread-safe.
 */
#ifndef STC_CODE_H
#define STC_CODE_H

#include "stc/attr.h"
#include "stc/error.h"
#include "stc/shape.h"

enum { STC_MAX_CODE_PARAMS = 8, STC_MAX_CODE_STATES = 4096, STC_CODE_PIECE = 256 };

/* One step of n elements. */
typedef struct {
    const double *params;     /* [nparams]; CHOICE: index, BOOL: 0 or 1 */
    int64_t step, time_steps; /* of the sample; step counts from 0 */
    float *state;             /* variable s of element i at s * state_stride + i; 0 before step 0 */
    int64_t state_stride;
    const uint32_t *random[2]; /* [n] two uniform words for each element; random codes only */
    const float *x;            /* [n] values of this step */
    float *out;                /* [n]; of codes per sample only those of the last step count */
} stc_code_step;

typedef struct stc_code {
    const char *name;  /* "rate_encoding" */
    const char *type;  /* in files: "RateEncoding" */
    const char *alias; /* a second name in files, or NULL */
    const char *help;
    const stc_attr_spec *params; /* INT, BOOL, REAL, CHOICE; become the attributes of the op */
    int nparams;
    bool per_sample; /* one value per sample, after its last step: decoders */
    bool random;     /* draws random numbers */
    /* State variables per element, at most STC_MAX_CODE_STATES; NULL: none. */
    int64_t (*nstate)(const double *params);
    /* What may come out of values of a kind. STC_ERR_INPUT when the parameters cannot be. */
    int (*output_kind)(const double *params, stc_kind in, stc_kind *out);
    void (*step)(int64_t n, const stc_code_step *run);
} stc_code;

/* In list order. */
const stc_code *const *stc_codes(int *n);

/* State variables per element of a code. */
int64_t stc_code_states(const stc_code *code, const double *params);
/* Key of the random numbers of a node in a sample; node: stc_kernel.u.code.key. */
uint64_t stc_code_key(uint64_t seed, uint64_t node, int64_t sample);
/* The random words of elements first, first + stride, ... (n <= STC_CODE_PIECE of them, indices in
 * the C-order of the source) at a step. */
void stc_code_draw(uint64_t key, int64_t step, int64_t n, int64_t first, int64_t stride,
                   uint32_t words[2][STC_CODE_PIECE]);

#endif
