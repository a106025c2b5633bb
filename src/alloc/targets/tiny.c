/* tiny.c - a target so small that what does not fit can be tested. */
#include "stc/target.h"

const stc_target stc_target_tiny = {
    .name = "tiny",
    .help = "no real chip: so small (16 cores of 256 neurons, 64 KiB of weights) that models do "
            "not fit, for tests",
    .neurons_per_core = 256,
    .synapse_bytes_per_core = 65536,
    .cores_per_chip = 16,
    .weight_bytes = 3,
};
