/* steps.h - the steps of the driver, in the order in which compile.c takes them. All Local: every
 * rank computes the same. */
#ifndef STC_COMPILE_STEPS_H
#define STC_COMPILE_STEPS_H

#include "stc/compile.h"

/* The graph as stages: weight ops, norms, scales and views go with the neuron, sum or output that
 * they feed; views become index maps; every tensor gets its storage order, channels last. Fills
 * stages, kernels and blobs of the program and its read_rows. The graph must outlive the program.
 * STC_ERR_INPUT naming the node that cannot be lowered. */
int stc_lower(const stc_graph *graph, stc_program *program);

/* Cut every stage into tiles that fit one core of the target, populations into tiles of
 * tile_neurons (0: see compile.h); fills tiles with their weights. STC_ERR_FIT naming the stage
 * whose smallest tile does not fit. */
int stc_tile_stages(stc_program *program, const stc_target *target, int64_t tile_neurons);

/* Which tiles need which outputs; fills nets with the expected spikes per step: those that a
 * profile counted, or an estimate (rates NULL). STC_ERR_INPUT as stc_rates_of_stages. */
int stc_build_nets(stc_program *program, const stc_profile *rates);

/* rates.c: was the profile made of the model of this program, with steps as long as its? Then the
 * counts of every stage that others read; [nstages], filled, NULL for the others. STC_ERR_INPUT
 * naming both files and what does not fit. */
int stc_rates_check(const stc_program *program, const stc_profile *rates);
int stc_rates_of_stages(const stc_program *program, const stc_profile *rates,
                        const stc_profile_node **node);
/* Spikes per step of a count. */
static inline double stc_rate(const stc_profile *rates, int64_t count)
{
    return (double)count / ((double)rates->samples * (double)rates->steps);
}

/* ---- shared by lower*.c and operands.c ---- */

typedef struct {
    const stc_node *node;
    int attr;
} stc_field_source;

typedef struct {
    const stc_graph *graph;
    stc_program *program;
    int32_t *stage_of;              /* [nnodes] stage that holds the output of a node, or -1 */
    bool *absorbed;                 /* [nnodes] its only user computes it in its own stage */
    const stc_node **blob_node;     /* [nblobs] where the rows of a blob come from */
    stc_field_source *field_source; /* [nfields] where the values of a field come from */
} stc_lowering;

/* The operand that gives the values of a node, seen in the node's own dimensions; makes a stage for
 * the node, or for what it views, where there is none yet. The axes of the view are source axes of
 * the stage until stc_operand_settle. */
int stc_lower_operand(stc_lowering *lowering, int32_t node, stc_operand *operand);
/* Make the stage of a node (lower.c). */
int stc_lower_node(stc_lowering *lowering, int32_t node, int32_t *stage);
/* Turn the axes of the view into storage axes of its stage. */
void stc_operand_settle(const stc_program *program, stc_operand *operand);
/* Bring the view to the form that a kernel kind expects: (channels, height, width) from channels at
 * dimension channel_dim and up to two others in order; (batch, rows, columns), last two swapped if
 * transposed. STC_ERR_INPUT when there are too many dimensions. */
int stc_view_to_chw(stc_view *view, int channel_dim);
int stc_view_to_batch(stc_view *view, bool transpose);

/* lower_stage.c: the stage that holds the output of a node; the order of its axes in memory: the
 * channel axis last (-1: as in the source), or as an operand lies there whose view has storage axes
 * and the dimensions of the stage; a kernel, without operands; the weights of a node; the values of
 * an attribute, one for each element or entry; the nodes that are operands (NULL: no memory). */
int32_t stc_add_stage(stc_lowering *lowering, int32_t node);
void stc_order_axis_last(stc_stage *stage, int axis);
void stc_order_like(stc_stage *stage, const stc_stage *source, const stc_view *view);
stc_kernel *stc_add_kernel(stc_lowering *lowering, stc_kernel_kind kind);
int stc_add_blob(stc_lowering *lowering, const stc_node *node, int64_t rows, int64_t columns,
                 int32_t *out);
int stc_add_field(stc_lowering *lowering, const stc_node *node, int attr, int32_t *out);
const stc_node *const *stc_operand_nodes(const stc_lowering *lowering, const stc_node *node);

/* lower_network.c: make the stage of a node; operands that may come later are filled in by connect,
 * when all stages are there. */
bool stc_closes_cycle(const stc_node *node, int32_t index);
int stc_lower_delay(stc_lowering *lowering, int32_t node, int32_t *stage);
int stc_connect_delay(stc_lowering *lowering, int32_t node);
int stc_lower_population(stc_lowering *lowering, int32_t node, int32_t *stage);
int stc_connect_population(stc_lowering *lowering, int32_t node);
int stc_lower_generator(stc_lowering *lowering, const stc_node *node, stc_kernel *kernel);

#endif
