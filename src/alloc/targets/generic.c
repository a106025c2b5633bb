/* generic.c - the target that is taken when none is named. */
#include "stc/target.h"

const stc_target stc_target_generic = {
    .name = "generic",
    .help = "no real chip: round numbers that hold any example (262144 cores of 256 neurons, "
            "256 KiB of weights)",
    .neurons_per_core = 256,
    .synapse_bytes_per_core = 262144,
    .cores_per_chip = 262144,
    .weight_bytes = 3,
};
