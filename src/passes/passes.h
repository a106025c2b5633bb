/* passes.h - the passes of this folder. */
#ifndef STC_PASSES_PASSES_H
#define STC_PASSES_PASSES_H

#include "stc/pass.h"

int stc_pass_expand(stc_graph *graph);
int stc_pass_fold_affine(stc_graph *graph);
int stc_pass_remove_dead(stc_graph *graph);

#endif
